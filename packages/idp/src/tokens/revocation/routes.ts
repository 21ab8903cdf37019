import type { App } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { endedMarginMs } from '../../denied/entry.ts'
import { IdpError, OAuthError } from '../../error.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { isPublic } from '../../oidc/client-adapter.ts'
import { clientOf } from '../../oidc/client-front.ts'
import { endKept, findKept, isKept } from '../../oidc/kept-token.ts'
import type { Oidc } from '../../oidc/open.ts'
import { isByBearer } from '../authentication/presented.ts'
import { type AccessTokenClaims, claimsOf } from '../claims.ts'
import { type Form, formOf, formRoute } from '../form.ts'
import { type Revoker, recordKept, revokeJwt, revokeOpaque } from './revoke.ts'

const body = z.object({
  token: z.string().describe('The token, a JWT or opaque'),
  token_type_hint: z.string().optional().describe('Not needed: tokens are told apart by their form'),
})
const callers = [{ client: [] }, { management: ['agents:write'] }]
const schema = {
  tags: ['tokens'],
  summary: 'Revoke a token',
  description:
    'RFC 7009. By the client that it was issued to, or by an opaque token of agents:write of the same organization. ' +
    'Answered when every live instance refuses the token and tells verifiers to. A token that is not good is no error.',
  response: { 200: z.undefined().describe('It is not good any more') },
}

/** RFC 7009. Answered when no instance takes the token any more, and all tell verifiers. */
export function revocationRoute(app: App, instance: Instance, oidc: Oidc): void {
  const { clock, view } = instance
  const { db } = instance.connection
  const byBearer = requireScope(instance, 'agents:write', { whileFrozen: 'allowed' })

  app.post('/api/v1/token/revoke', formRoute(schema, body, callers), async (request, reply) => {
    const now = clock()
    instance.requireLease()
    const form = formOf(request)
    const { token } = form
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const revoker = await revokerOf(request, form)
    if (isKept(token)) await revokeKept(token, revoker)
    else await revokeOwn(token, now, revoker)
    return reply.header('cache-control', 'no-store').send()
  })

  async function revokerOf(request: FastifyRequest, form: Form): Promise<Revoker> {
    if (isByBearer(request.headers.authorization, form)) {
      await byBearer(request)
      return { ...request.caller, administers: true }
    }
    const client = await clientOf(instance, request, form)
    if (isPublic(client)) instance.limits.publicAdministration(request.ip)
    else instance.limits.administration(client.clientId)
    return { ...request.caller, administers: false }
  }

  async function revokeKept(token: string, revoker: Revoker): Promise<void> {
    const found = await findKept(instance, oidc, token)
    if (!found) return
    requireOwner(found.claims, revoker)
    await endKept(oidc, found)
    await recordKept(db, found.claims, revoker.clientId)
  }

  async function revokeOwn(token: string, now: number, revoker: Revoker): Promise<void> {
    // A verifier whose clock is behind may still take what has just expired.
    const claims = await claimsOf(instance, oidc, token, now, endedMarginMs)
    instance.requireLease()
    if (claims) await revoke(token, claims, revoker)
  }

  async function revoke(token: string, claims: AccessTokenClaims, revoker: Revoker): Promise<void> {
    requireOwner(claims, revoker)
    if (claims.jti === undefined) return revokeOpaque(db, claims, token, revoker.clientId)
    // Asked once more, perhaps because the reply was lost: it must not be given before the others know of it either.
    if (instance.denies(claims)) return view.everywhere(view.applied())
    await view.everywhere(await revokeJwt(db, claims, claims.jti, revoker))
  }
}

/** RFC 7009 §2.1: whoever may not revoke a token is told so. */
function requireOwner(claims: AccessTokenClaims, { administers, clientId, organizationId }: Revoker): void {
  if (administers ? claims.organization_id === organizationId : claims.client_id === clientId) return
  throw new IdpError(
    'FORBIDDEN',
    administers ? 'the token is of another organization' : 'the token is of another client',
  )
}
