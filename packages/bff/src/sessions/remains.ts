import type { SessionParts } from './parts.ts'
import type { LiveSession } from './session.ts'
import type { HeldSession } from './stored.ts'

/**
 * Whether a session is still good, by its row alone: the cookie by which somebody came may have drained since, and the session
 * lives on by a newer one.
 */
export async function remains(
  { keyrings, memory, view }: Pick<SessionParts, 'keyrings' | 'memory' | 'view'>,
  { id }: Pick<LiveSession, 'id'>,
): Promise<boolean> {
  function isGood(held: HeldSession | undefined): boolean {
    if (held === undefined || held.live.expiresAt <= view.databaseNow()) return false
    return keyrings.salt('token-hash').accepted.some((salt) => salt.id === held.saltVersion)
  }
  // Another instance may have moved the row to another salt.
  return isGood(memory.known(id)) || isGood(await memory.fresh(id))
}
