import type { App } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { isOfUse } from '../agents/organization.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { demanding, refusalsOf, refusing } from '../openapi/security.ts'
import { type Caller, callerOf } from '../tokens/opaque.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set on every route that requires a scope. */
    caller: Caller
  }
}

export type Authorised = Pick<FastifyRequest, 'caller'>

/** A route that only reads is never refused by a freeze. */
type ReadScope = `${string}:read`

interface WriteRoute {
  /**
   * `refused`: what gives or keeps access, or takes protection away. `allowed`: what shuts somebody out, and what the work on
   * an incident needs.
   */
  whileFrozen: 'refused' | 'allowed'
}

/**
 * Lets a request pass that carries an opaque token with a scope. A JWT is no such token, whatever it says and whoever
 * signed it: a stolen signing key administers nothing. What concerns the whole estate is the operator's organization's alone,
 * whatever scopes an agent of another one was given.
 *
 * @param scope several: all of them are needed
 * @param route how it behaves while administration is frozen: whoever adds a route that writes must say
 */
export function requireScope(instance: Instance, scope: ReadScope): ScopeHook
export function requireScope(instance: Instance, scope: string | readonly string[], route: WriteRoute): ScopeHook
export function requireScope(
  instance: Instance,
  scope: string | readonly string[],
  { whileFrozen }: WriteRoute = reading,
): ScopeHook {
  const scopes = [scope].flat()
  const hook = demanding({ management: scopes }, async (request: FastifyRequest): Promise<void> => {
    request.caller = await authenticated(instance, request, scope === 'incidents:write')
    instance.limits.administration(request.caller.clientId)
    for (const each of scopes) requireHeld(request.caller, each)
    if (whileFrozen === 'refused') instance.freeze.requireNone()
  })
  return whileFrozen === 'refused' ? refusing(codes('ADMINISTRATION_FROZEN'), hook) : hook
}

function requireHeld(caller: Caller, scope: string): void {
  if (!isOfUse(scope, caller.organizationId)) {
    throw new IdpError('FORBIDDEN', "this is for agents of the operator's organization only")
  }
  if (caller.scopes.has(scope)) return
  throw new IdpError('INSUFFICIENT_SCOPE', `this needs the scope ${scope}`, { facts: { scope } })
}

type ScopeHook = (request: FastifyRequest) => Promise<void>

const reading: WriteRoute = { whileFrozen: 'allowed' }

/** Asks once more when the body has arrived: it may have been on its way for long, and administration be frozen by now. */
export function refuseLateWhileFrozen(app: App, instance: Instance): void {
  app.addHook('onRoute', (route) => {
    if (!refusalsOf(route.onRequest).includes('ADMINISTRATION_FROZEN')) return
    const again = async () => {
      // Whoever freezes does not wait for an instance without a lease.
      instance.requireLease()
      instance.freeze.requireNone()
    }
    route.preHandler = [again, ...[route.preHandler ?? []].flat()]
  })
}

/** @throws IdpError `UNAUTHENTICATED`, or `RATE_LIMITED` where too many tokens from one address were none */
async function authenticated(instance: Instance, request: FastifyRequest, isUrgent: boolean): Promise<Caller> {
  instance.requireLease()
  const token = bearerOf(request)
  // Anybody can ask with a token that is none; whoever does must not keep the database from those who may.
  if (token !== undefined) instance.requireRoom(isUrgent)
  const caller = token === undefined ? undefined : await callerOf(instance.connection.db, token)
  if (caller) return caller
  if (token !== undefined) instance.limits.failed(request.ip)
  throw new IdpError('UNAUTHENTICATED', 'a management token is required; ask the token endpoint for one')
}

/** The bearer token of a request, as it was sent. */
export function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}
