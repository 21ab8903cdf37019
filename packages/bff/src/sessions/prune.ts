import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'

/** Of one statement: PostgreSQL ends those that take long, and others wait for the rows meanwhile. */
const mostTogether = 5_000

/** Deletes sessions that are over. Nobody need be told: instances see by themselves that they are. */
export async function pruneSessions(db: BffDatabase): Promise<void> {
  await inBatches(() =>
    sql`
      DELETE FROM sessions WHERE session_id IN (
        SELECT session_id FROM sessions WHERE expires_at < now() ORDER BY session_id LIMIT ${mostTogether}
        FOR UPDATE SKIP LOCKED)`.execute(db),
  )
}

/** Deletes what was remembered of logout tokens. They themselves live for minutes. */
export async function pruneLogoutTokens(db: BffDatabase): Promise<void> {
  await sql`DELETE FROM used_logout_tokens WHERE used_at < now() - interval '1 day'`.execute(db)
}

async function inBatches(deleteSome: () => Promise<{ numAffectedRows?: bigint | undefined }>): Promise<void> {
  while (((await deleteSome()).numAffectedRows ?? 0n) >= BigInt(mostTogether));
}
