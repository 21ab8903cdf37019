import { IdpError } from '../error.ts'
import type { Caller } from '../tokens/opaque.ts'
import { managementScopes } from '../tokens/scopes.ts'

/**
 * Whoever gets a secret of an agent can do what that agent can: he needs a token that has the same scopes of management. Also for
 * the secret of himself, or a stolen token of one scope would be worth all of them.
 *
 * @throws IdpError `INSUFFICIENT_SCOPE`
 */
export function requireMayBecome(caller: Caller, agent: { scopes: readonly string[] }): void {
  requireMayGrant(caller, agent.scopes)
}

/**
 * Nobody gives a management scope that his own token does not have; other scopes are free.
 *
 * @param held what the agent has already
 * @throws IdpError `INSUFFICIENT_SCOPE`
 */
export function requireMayGrant(caller: Caller, scopes: readonly string[], held: readonly string[] = []): void {
  for (const scope of scopes) {
    if (!managementScopes.includes(scope) || held.includes(scope) || caller.scopes.has(scope)) continue
    throw new IdpError('INSUFFICIENT_SCOPE', `to give the scope ${scope} your own token must have it`, {
      facts: { scope },
    })
  }
}
