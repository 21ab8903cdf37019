import { addressOf, sourceOf } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BffError } from '../error.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Bearer } from './open.ts'
import type { BearerToken } from './verdict.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that requires a bearer token. */
    bearer: BearerToken
  }
}

/**
 * A hook for routes of `auth: bearer`. Sets `request.bearer`.
 *
 * @param needed scopes, all of which the token must have
 * @throws BffError `NOT_AUTHENTICATED`, `INSUFFICIENT_SCOPE`, `INVALID_REQUEST` (two tokens), `IDP_UNAVAILABLE`; the reply carries
 *   the challenge of RFC 6750 then; `RATE_LIMITED`, ServiceError `OVERLOADED`
 */
export function requireBearer(
  bff: { bearer: Bearer; metrics: Pick<Metrics, 'tokenValidations'> },
  needed: { scopes: readonly string[] } = { scopes: [] },
) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const token = tokenOf(request, reply)
    if (token === undefined) {
      bff.metrics.tokenValidations.inc({ token_type: 'none', status: 'missing' })
      reply.header('www-authenticate', 'Bearer')
      throw new BffError('NOT_AUTHENTICATED', 'no bearer token was sent')
    }
    const verdict = await bff.bearer.check(token, sourceOf(addressOf(request.ip)))
    if (verdict.status === 'unavailable') {
      throw new BffError('IDP_UNAVAILABLE', 'the identity provider cannot be asked at the moment; try again')
    }
    if (verdict.status !== 'valid') {
      const message = verdict.status === 'expired' ? 'the token has expired' : 'the token is not good here'
      challenge(reply, 'invalid_token', message)
      throw new BffError('NOT_AUTHENTICATED', message)
    }
    requireScopes(verdict.bearer, needed.scopes, reply)
    request.bearer = verdict.bearer
  }
}

/** Whoever sends two is refused: a proxy before us may have looked at the other one. Node itself would keep the first. */
function tokenOf({ raw }: FastifyRequest, reply: FastifyReply): string | undefined {
  const { rawHeaders } = raw
  const [field, ...others] = rawHeaders.filter(
    (_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'authorization',
  )
  if (others.length > 0 || /,\s*(bearer|dpop)(\s|$)/i.test(field ?? '')) {
    challenge(reply, 'invalid_request', 'more than one token was sent')
    throw new BffError('INVALID_REQUEST', 'more than one token was sent')
  }
  return /^bearer +(\S.*)$/i.exec(field?.trim() ?? '')?.[1]
}

function requireScopes({ scopes }: BearerToken, needed: readonly string[], reply: FastifyReply): void {
  if (needed.every((scope) => scopes.has(scope))) return
  const message = 'the token does not have the scope that this needs'
  challenge(reply, 'insufficient_scope', message, needed)
  throw new BffError('INSUFFICIENT_SCOPE', message)
}

/** RFC 6750 §3. The texts are our own, and none has a quote in it. */
function challenge(reply: FastifyReply, error: string, description: string, scopes: readonly string[] = []): void {
  const scope = scopes.length > 0 ? `, scope="${scopes.join(' ')}"` : ''
  reply.header('www-authenticate', `Bearer error="${error}", error_description="${description}"${scope}`)
}
