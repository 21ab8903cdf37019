import { IdpError } from '../error.ts'
import type { Caller } from '../tokens/opaque.ts'
import { managementScopes } from '../tokens/scopes.ts'
import { isOfUse } from './organization.ts'

/**
 * Whoever gets a secret of an agent can do what that agent can: he needs a token that has the same scopes of management. Also for
 * the secret of himself, or a stolen token of one scope would be worth all of them.
 *
 * @throws IdpError `INSUFFICIENT_SCOPE`
 */
export function requireMayBecome(caller: Caller, agent: { scopes: readonly string[] }): void {
  for (const scope of agent.scopes) requireOwn(caller, scope)
}

/**
 * Nobody gives a management scope that his own token does not have, and none that concerns the whole estate to an agent of
 * another organization than the operator's; other scopes are free.
 *
 * @param agent who gets them, with what it has already
 * @throws IdpError `INSUFFICIENT_SCOPE`, `FORBIDDEN`
 */
export function requireMayGrant(
  caller: Caller,
  scopes: readonly string[],
  agent: { organizationId: string; scopes: readonly string[] },
): void {
  for (const scope of scopes) {
    if (agent.scopes.includes(scope)) continue
    requireOwn(caller, scope)
    if (isOfUse(scope, agent.organizationId)) continue
    throw new IdpError('FORBIDDEN', `the scope ${scope} is for agents of the operator's organization only`, {
      facts: { scope },
    })
  }
}

function requireOwn(caller: Caller, scope: string): void {
  if (!managementScopes.includes(scope) || caller.scopes.has(scope)) return
  throw new IdpError('INSUFFICIENT_SCOPE', `to give the scope ${scope} your own token must have it`, {
    facts: { scope },
  })
}
