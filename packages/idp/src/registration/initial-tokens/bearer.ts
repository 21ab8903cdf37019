import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../../error.ts'
import { bearerOf } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { demanding, refusing } from '../../openapi/security.ts'
import { bearerName, findInitialToken, type InitialToken } from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** By which a client is registered; set on the route that demands one. */
    initialToken: InitialToken
  }
}

/**
 * Lets a request pass that carries an initial access token. One that is spent or has expired passes as well: the reply to what
 * it registered may have been lost.
 */
export function requireInitialToken(instance: Instance) {
  const hook = demanding({ initialAccess: [] }, async (request: FastifyRequest): Promise<void> => {
    instance.requireLease()
    const token = bearerOf(request)
    if (token !== undefined) instance.requireRoom()
    const found = token === undefined ? undefined : await findInitialToken(instance.connection.db, token)
    if (!found) return refuseInitialToken(instance, request, undefined, token === undefined ? 'missing' : 'unknown')
    if (found.revoked) return refuseInitialToken(instance, request, found, 'revoked')
    request.initialToken = found
    request.caller = { clientId: bearerName(found), organizationId: found.organizationId, scopes: new Set() }
    instance.freeze.requireNone()
  })
  return refusing(codes('ADMINISTRATION_FROZEN'), hook)
}

/**
 * The same for whatever may be wrong with it: only the audit tells it apart.
 *
 * @throws OAuthError `invalid_token`; IdpError `RATE_LIMITED`
 */
export function refuseInitialToken(
  { gathered, limits }: Pick<Instance, 'gathered' | 'limits'>,
  { ip: address }: Pick<FastifyRequest, 'ip'>,
  found: InitialToken | undefined,
  cause: 'missing' | 'unknown' | 'revoked' | 'spent' | 'expired',
): never {
  gathered.note({
    action: 'initial_access_token.refused',
    outcome: 'refused',
    actor: 'anonymous',
    organizationId: found?.organizationId,
    cause,
    address,
    details: { initialAccessToken: found?.tokenId },
  })
  if (cause !== 'missing') limits.failed(address)
  throw new OAuthError(
    'invalid_token',
    'an initial access token is required that is good: ask an administrator for one',
  )
}
