/** Where it is kept who is still to be told that a session has ended. Whoever ends sessions writes it (`state/end.ts`). */
import { sql } from 'kysely'
import type { IdpDatabase } from '../../tables.ts'

/** That a session of a user has ended, of which a client is to be told. */
export interface Logout {
  id: string
  clientId: string
  accountId: string
  sid: string
  /** How often it was tried, this time too. */
  attempts: number
}

/** One that was tried once already, and is tried again. */
export async function addLogout(
  db: IdpDatabase,
  { clientId, accountId, sid }: Pick<Logout, 'clientId' | 'accountId' | 'sid'>,
): Promise<void> {
  await db
    .insertInto('backchannel_logouts')
    .values({ client_id: clientId, account_id: accountId, sid, attempts: 1 })
    .execute()
}

const mostAtOnce = 64
/** One that cannot be reached must not keep the others waiting. */
const mostOfOneClient = 16
/** Whoever took them and was killed has not told them: then another one does. */
const takenSeconds = 60

/**
 * Takes some that are due, so that nobody else does for a while.
 *
 * @param resting clients that are left alone for now
 */
export async function takeLogouts(db: IdpDatabase, resting: readonly string[]): Promise<Logout[]> {
  const { rows } = await sql<Logout>`
    UPDATE backchannel_logouts SET attempts = attempts + 1, due_at = now() + ${takenSeconds}::float8 * interval '1 second'
    WHERE due_at <= now() AND logout_id IN (
      SELECT logout_id FROM (
        SELECT logout_id, due_at, row_number() OVER (PARTITION BY client_id ORDER BY due_at, logout_id) AS nth
        FROM backchannel_logouts WHERE due_at <= now() AND client_id <> ALL (${[...resting]}::text[])) AS ranked
      WHERE nth <= ${mostOfOneClient} ORDER BY due_at, logout_id LIMIT ${mostAtOnce})
    RETURNING logout_id::text AS id, client_id AS "clientId", account_id AS "accountId", sid, attempts`.execute(db)
  return rows
}

/** They were told, or never will be. */
export async function forgetLogouts(db: IdpDatabase, logouts: readonly Logout[]): Promise<void> {
  if (logouts.length === 0) return
  await sql`DELETE FROM backchannel_logouts WHERE logout_id = ANY (${idsOf(logouts)}::bigint[])`.execute(db)
}

/** @param wereTried or they only had to wait, which counts as no attempt */
export async function returnLogouts(
  db: IdpDatabase,
  logouts: readonly Logout[],
  { wereTried, afterMs }: { wereTried: boolean; afterMs: number },
): Promise<void> {
  if (logouts.length === 0) return
  await sql`
    UPDATE backchannel_logouts SET attempts = attempts - ${wereTried ? 0 : 1},
      due_at = now() + ${afterMs}::float8 * interval '1 millisecond'
    WHERE logout_id = ANY (${idsOf(logouts)}::bigint[])`.execute(db)
}

/** Gives up what is too old. @returns how many it was, of each client */
export async function giveUpOldLogouts(db: IdpDatabase): Promise<Map<string, number>> {
  const { rows } = await sql<{ clientId: string }>`
    DELETE FROM backchannel_logouts WHERE ends_at < now() RETURNING client_id AS "clientId"`.execute(db)
  const counts = new Map<string, number>()
  for (const { clientId } of rows) counts.set(clientId, (counts.get(clientId) ?? 0) + 1)
  return counts
}

const idsOf = (logouts: readonly Logout[]) => logouts.map(({ id }) => id)
