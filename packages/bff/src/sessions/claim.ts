/** The claim in the row of a session by which one instance at a time refreshes it. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Sealer } from '@rekey/database'
import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'
import { type KeptTokens, sealTokens } from './stored.ts'

/** Longer than any request to the provider may take, its repetitions included. */
const claimFor = '30 seconds'
/** After a try that failed. */
const restFor = '1 second'

/** Saving is tried so often: at the provider the refresh token has been used already. */
const tries = 3
const betweenTriesMs = 500

/**
 * Takes the claim, unless somebody else lives who has it. One of this instance itself is left over from a try whose outcome could
 * not be written: it makes one at a time.
 *
 * @param revision what is known of the tokens; `changed`: there are newer ones
 * @param by the instance
 */
export async function claimRefresh(
  db: BffDatabase,
  id: string,
  revision: number,
  by: string,
): Promise<{ sealedTokens: string } | 'changed' | 'ended' | 'busy' | 'later'> {
  const taken = await sql<{ sealed_tokens: string }>`
    UPDATE sessions SET refreshing_until = now() + ${claimFor}::interval, refreshing_by = ${by}
    WHERE session_id = ${id} AND revision = ${revision} AND (
      refreshing_until IS NULL OR refreshing_until <= now() OR refreshing_by = ${by}
      OR (refreshing_by IS NOT NULL AND NOT EXISTS (
        SELECT FROM instances WHERE instances.id = refreshing_by AND lease_until > now())))
    RETURNING sealed_tokens`.execute(db)
  const [row] = taken.rows
  if (row) return { sealedTokens: row.sealed_tokens }
  const { rows } = await sql<{ revision: number; refreshing_by: string | null }>`
    SELECT revision, refreshing_by FROM sessions WHERE session_id = ${id}`.execute(db)
  const [now] = rows
  if (!now) return 'ended'
  if (now.revision !== revision) return 'changed'
  return now.refreshing_by === null ? 'later' : 'busy'
}

/** At once; what is left over comes next time. */
const mostOrphans = 100

/** Sessions whose refresh was begun, and whose instance is gone or did not come back to it. */
export async function orphanedClaims(db: BffDatabase): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT session_id AS id FROM sessions WHERE refreshing_by IS NOT NULL AND expires_at > now() AND (
      refreshing_until <= now() OR NOT EXISTS (
        SELECT FROM instances WHERE instances.id = refreshing_by AND lease_until > now()))
    ORDER BY refreshing_until LIMIT ${mostOrphans}`.execute(db)
  return rows.map(({ id }) => id)
}

/** Nobody is at it any more, and nobody need try again at once. */
export async function giveUpClaim(db: BffDatabase, id: string, revision: number, by: string): Promise<void> {
  await sql`
    UPDATE sessions SET refreshing_until = now() + ${restFor}::interval, refreshing_by = NULL
    WHERE session_id = ${id} AND revision = ${revision} AND refreshing_by = ${by}`.execute(db)
}

/** @returns false where the session has ended, or has newer tokens */
export async function saveTokens(
  db: BffDatabase,
  sealer: Sealer,
  { id, revision, kept, expiresAt }: { id: string; revision: number; kept: KeptTokens; expiresAt: number },
): Promise<boolean> {
  for (let left = tries - 1; ; left--) {
    try {
      const { numAffectedRows } = await sql`
        UPDATE sessions SET sealed_tokens = ${sealTokens(sealer, id, kept)}, access_expires_at = ${new Date(expiresAt)},
          refreshing_until = NULL, refreshing_by = NULL, revision = revision + 1
        WHERE session_id = ${id} AND revision = ${revision}`.execute(db)
      return numAffectedRows === 1n
    } catch (error) {
      if (left === 0) throw error
      await pause(betweenTriesMs)
    }
  }
}

/** Of the tokens; nothing where the session has ended. */
export async function revisionOf(db: BffDatabase, id: string): Promise<number | undefined> {
  const row = await db.selectFrom('sessions').select('revision').where('session_id', '=', id).executeTakeFirst()
  return row?.revision
}
