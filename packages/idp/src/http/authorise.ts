import type { FastifyRequest } from 'fastify'
import { isOfUse } from '../agents/organization.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { demanding } from '../openapi/security.ts'
import { type Caller, callerOf } from '../tokens/opaque.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set on every route that requires a scope. */
    caller: Caller
  }
}

export type Authorised = Pick<FastifyRequest, 'caller'>

/**
 * Lets a request pass that carries an opaque token with a scope. A JWT is no such token, whatever it says and whoever
 * signed it: a stolen signing key administers nothing. What concerns the whole estate is the operator's organization's alone,
 * whatever scopes an agent of another one was given.
 */
export function requireScope(instance: Instance, scope: string) {
  return demanding({ management: [scope] }, async (request: FastifyRequest): Promise<void> => {
    request.caller = await authenticated(instance, request)
    instance.limits.administration(request.caller.clientId)
    if (!isOfUse(scope, request.caller.organizationId)) {
      throw new IdpError('FORBIDDEN', "this is for agents of the operator's organization only")
    }
    if (request.caller.scopes.has(scope)) return
    throw new IdpError('INSUFFICIENT_SCOPE', `this needs the scope ${scope}`, { facts: { scope } })
  })
}

/** @throws IdpError `UNAUTHENTICATED`, or `RATE_LIMITED` where too many tokens from one address were none */
async function authenticated(instance: Instance, request: FastifyRequest): Promise<Caller> {
  instance.requireLease()
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  // Anybody can ask with a token that is none; whoever does must not keep the database from those who may.
  if (token !== undefined) instance.requireRoom()
  const caller = token === undefined ? undefined : await callerOf(instance.connection.db, token)
  if (caller) return caller
  if (token !== undefined) instance.limits.failed(request.ip)
  throw new IdpError('UNAUTHENTICATED', 'a management token is required; ask the token endpoint for one')
}
