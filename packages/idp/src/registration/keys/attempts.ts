/** Looks at a client's `jwks_uri`, as all instances know of them. Times are by the clock of the database. */
import { sql } from 'kysely'
import type { IdpDatabase } from '../../tables.ts'

/** Longer than a look may take: one that was not ended by then never will be. */
const runsMs = 7_000

const ms = (value: number) => sql`${value} * interval '1 millisecond'`

/**
 * Begins a look, if there may be one: none under way, and less than two within the cool-down. Two, because a client may change
 * its keys a moment after somebody looked.
 *
 * @returns when it began
 */
export async function beginLook(
  db: IdpDatabase,
  clientId: string,
  uri: string,
  cooldownMs: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ at: number }>`
    UPDATE clients SET
      fetch_uri = ${uri},
      fetch_attempted_at = clock_timestamp(),
      fetch_attempted_before = CASE WHEN fetch_uri = ${uri} THEN fetch_attempted_at END,
      fetch_runs_until = clock_timestamp() + ${ms(runsMs)},
      fetched_jwks = CASE WHEN fetch_uri = ${uri} THEN fetched_jwks END,
      fetched_at = CASE WHEN fetch_uri = ${uri} THEN fetched_at END
    WHERE client_id = ${clientId} AND metadata->>'jwks_uri' = ${uri}
      AND (fetch_uri IS DISTINCT FROM ${uri}
        OR (coalesce(fetch_runs_until, '-infinity') <= clock_timestamp()
          AND coalesce(fetch_attempted_before, '-infinity') <= clock_timestamp() - ${ms(cooldownMs)}))
    RETURNING fetch_attempted_at AS at`.execute(db)
  return rows[0]?.at
}

/** Ends a look that brought nothing. */
export async function endLook(db: IdpDatabase, clientId: string, uri: string): Promise<void> {
  await sql`
    UPDATE clients SET fetch_runs_until = NULL WHERE client_id = ${clientId} AND fetch_uri = ${uri}`.execute(db)
}

/** Is a look under way, at whichever instance, and when did the last one begin that brought something? */
export async function lookUnderWay(db: IdpDatabase, clientId: string) {
  const { rows } = await sql<{ running: boolean; at: number | null }>`
    SELECT coalesce(fetch_runs_until > clock_timestamp(), false) AS running, fetched_at AS at
    FROM clients WHERE client_id = ${clientId}`.execute(db)
  return rows[0] ?? { running: false, at: null }
}
