import { addressOf, sourceOf, type Windows, windows } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import type { AdminTokens } from './admin-tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who administers; set on every route below /internal. */
    operator: Operator
  }
}

/** Who asks, as the audit has it. */
export interface Operator {
  readonly clientId: string
  /** Did he come by the token that may do everything? */
  readonly isAdmin: boolean
}

/** What a token of the identity provider has to be good for. */
export type OperatorScope = 'audit:read' | 'keyrings:read' | 'keyrings:write' | 'incidents:write' | 'links:write'

/** Who came by the token of this BFF's own. */
const adminName = 'bff-admin'

/** Of one address: whoever presents tokens that are none has the identity provider asked. */
export const failureLimit = { most: 20, withinMs: 10_000 }

type Parts = Pick<Bff, 'requireLease' | 'clock'> & { provider: Pick<Bff['provider'], 'introspect'> }

/**
 * Makes hooks that let in whoever has a token of this BFF's own, or one of the identity provider's management tokens with a scope.
 *
 * A JWT is no such token, whatever it says and whoever signed it: a stolen signing key administers nothing. What the identity
 * provider says is not kept: what administers must not outlive its withdrawal.
 *
 * @returns makes the `onRequest` hook for a scope. It throws BffError `NOT_AUTHENTICATED`, `INSUFFICIENT_SCOPE`, `RATE_LIMITED`,
 *   `IDP_UNAVAILABLE`; ServiceError `NO_LEASE`
 */
export function operatorsOf(parts: Parts, tokens: Pick<AdminTokens, 'isOne'>) {
  const failures = windows(failureLimit, parts.clock)

  return (scope: OperatorScope) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      parts.requireLease()
      reply.header('cache-control', 'no-store')
      const token = bearerOf(request)
      if (token === undefined) {
        reply.header('www-authenticate', 'Bearer realm="rekey-bff"')
        throw new BffError('NOT_AUTHENTICATED', 'a token of an operator is required')
      }
      if (tokens.isOne(token)) {
        request.operator = { clientId: adminName, isAdmin: true }
        return
      }
      const known = await introspected(parts, failures, request, token)
      if (!known) {
        reply.header('www-authenticate', 'Bearer realm="rekey-bff", error="invalid_token"')
        throw new BffError('NOT_AUTHENTICATED', 'the token is not good here')
      }
      if (!known.scopes.has(scope)) {
        reply.header('www-authenticate', `Bearer realm="rekey-bff", error="insufficient_scope", scope="${scope}"`)
        throw new BffError('INSUFFICIENT_SCOPE', `this needs the scope ${scope}`, { facts: { scope } })
      }
      request.operator = { clientId: known.clientId, isAdmin: false }
    }
}

/** What the identity provider says of a token that may be one of its own; nothing where it is not good. */
async function introspected(
  { provider }: Parts,
  failures: Windows,
  { ip }: FastifyRequest,
  token: string,
): Promise<{ clientId: string; scopes: ReadonlySet<string> } | undefined> {
  const source = sourceOf(addressOf(ip))
  refuse(failures.waitMs(source))
  if (isManagementToken(token)) {
    const said = await provider.introspect(token)
    if (said.active && said.clientId !== undefined) return { clientId: said.clientId, scopes: said.scopes }
  }
  refuse(failures.count(source))
  return undefined
}

function refuse(waitMs: number): void {
  if (waitMs === 0) return
  const facts = { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  throw new BffError('RATE_LIMITED', 'too many tokens from this address were no good; come again later', { facts })
}

/** The look of the opaque tokens by which the identity provider's administration is done. */
const isManagementToken = (token: string) => /^rkt_[\w-]{43}$/.test(token)

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}
