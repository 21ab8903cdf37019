import { sql } from 'kysely'
import { agentOf } from './selected.ts'
import type { SessionStore } from './store.ts'

/** Management tokens. They are looked up at each use: what is deleted is dead at once, on every instance. */
export const opaqueTokens: SessionStore = {
  name: 'opaque-tokens',
  async end(transaction, { selector, issuedBefore }, { tokenHash }) {
    const agent = agentOf(selector)
    // A session of a user has none.
    if (agent === undefined && !('all' in selector)) return 0
    // Whoever is issuing one has written it by then, so that it is found.
    await sql`LOCK TABLE opaque_tokens IN SHARE ROW EXCLUSIVE MODE`.execute(transaction)
    const deleting = transaction
      .deleteFrom('opaque_tokens')
      .where('issued_at', '<', sql<number>`to_timestamp(${issuedBefore / 1_000})`)
      .where(agent === undefined ? sql<boolean>`token_hash <> ${tokenHash}` : sql<boolean>`agent_id = ${agent}`)
    return Number((await deleting.executeTakeFirst()).numDeletedRows)
  },
}
