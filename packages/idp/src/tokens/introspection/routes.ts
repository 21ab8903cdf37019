import type { App } from '@rekey/service'
import { z } from 'zod'
import { OAuthError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import type { Oidc } from '../../oidc/open.ts'
import { type AccessTokenClaims, claimsOf } from '../claims.ts'
import { formOf, formRoute } from '../form.ts'
import { sendJson } from '../send.ts'
import { whenReady } from '../when-ready.ts'
import { type Asker, askerOf } from './asker.ts'

const body = z.object({
  token: z.string().describe('The token in question, a JWT or opaque'),
  token_type_hint: z.string().optional().describe('Not needed: tokens are told apart by their form'),
})
const seconds = z.number().optional().describe('Seconds since 1970-01-01 UTC')
/** Loose: a claim that restricts a token must reach whoever asks, even one that is not described here. */
const answer = z.looseObject({
  active: z.boolean().describe('False for whatever is not good, or not for the caller to know'),
  token_type: z.enum(['Bearer', 'refresh_token']).optional().describe('Only `Bearer` is to be taken from a caller'),
  iss: z.string().optional(),
  sub: z.string().optional(),
  aud: z.string().optional().describe('Not of an opaque token that administers'),
  client_id: z.string().optional(),
  organization_id: z.string().optional(),
  scope: z.string().optional(),
  jti: z.string().optional().describe('Of a JWT'),
  sid: z.string().optional().describe('Of a user’s token: the session'),
  iat: seconds,
  exp: seconds,
})
const callers = [{ client: [] }, { management: ['tokens:read'] }, { verifier: [] }]
const schema = {
  tags: ['tokens'],
  summary: 'Ask whether a token is good',
  description: 'RFC 7662. By a client that may have tokens:read, by an opaque token of that scope, or by a verifier.',
  response: { 200: answer },
}

/** RFC 7662. Of a JWT everything is in memory: keys, deny-list, clients, and whoever asks. */
export function introspectionRoute(app: App, instance: Instance, oidc: Oidc): void {
  const { clock, clients, metrics } = instance
  const findAsker = askerOf(instance)
  const inactive = { active: false }
  const counted = { true: metrics.introspections.labels('true'), false: metrics.introspections.labels('false') }

  app.post('/api/v1/token/introspect', formRoute(schema, body, callers), (request, reply) => {
    const now = clock()
    instance.requireLease()
    const form = formOf(request)
    const { token } = form
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const found = whenReady(findAsker(request, form, now), (asker) => lookAt(token, asker, now))
    return whenReady(found, (claims) => {
      // Once more: it may have been lost while something was read.
      instance.requireLease()
      counted[claims ? 'true' : 'false'].inc()
      sendJson(reply, claims ? { token_type: 'Bearer', ...claims, active: true } : inactive)
    })
  })

  /** @returns the claims of a token that is good and of the asker's organization */
  function lookAt(token: string, asker: Asker, now: number) {
    return whenReady(claimsOf(instance, oidc, token, now), (claims) => {
      if (!claims || instance.denies(claims)) return undefined
      if (asker.knows === 'organization' && claims.organization_id !== asker.organizationId) return undefined
      return whenActive(claims)
    })
  }

  function whenActive(claims: AccessTokenClaims) {
    return whenReady(clients.get(claims.client_id), (client) => client && claims)
  }
}
