import { clockToleranceMs } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { trustLeaseMs } from './events.ts'

/** What a verifier says when it renews its lease; that is also its acknowledgement. */
export interface LeaseRequest {
  clientId: string
  /** One process. */
  instance: string
  epoch: number
  n: number
  library: string
  algorithms: string[]
  /** For how long it goes on by what it knows when its lease is over; 0 when it stops at once. */
  ceilingMs: number
}

export interface LeaseReply {
  epoch: number
  n: number
  /** False when the verifier does not hold the newest revision: it must get that one first. */
  granted: boolean
  /** The verifier holds a revision that the database has not reached, of this epoch or of a later one. */
  ahead: boolean
  /** Its client has so many processes already that this one was not recorded. */
  full: boolean
}

/** Processes of one client that are remembered. Whoever holds its credential must not fill the table that gates look at. */
const mostProcesses = 2_000

/**
 * Records what verifiers hold and prolongs the lease of those that hold the newest trust revision *in the database* at this
 * moment. Asking the database, and not what this instance has read, means that no lease ever outlives a revocation by more
 * than its own length, whatever this instance has missed.
 *
 * A verifier that is behind is recorded too: operators must see it, and it may hold what a rotation waits for although there
 * is something newer. That prolongs nothing. What it says counts only as far as this database can have told it.
 *
 * @param requests at most one of each process
 */
export async function renewLeases(db: IdpDatabase, requests: readonly LeaseRequest[]): Promise<LeaseReply[]> {
  const replies = await record(db, requests)
  if (!replies.some(({ granted }) => granted)) return replies
  // Until it was committed nobody could see the lease. What was published meanwhile may be in use already, because nobody
  // waited for a verifier that did not seem to be there: it gets no lease before it holds that too.
  const newest = await newestTrust(db)
  return replies.map((reply) =>
    reply.granted && (reply.epoch !== newest.epoch || reply.n !== newest.n)
      ? { ...reply, ...newest, granted: false }
      : reply,
  )
}

const newestPublished = sql`(
  SELECT greatest(coalesce(max(published_revision), 0), (SELECT revision FROM denied_newest))
  FROM keyrings WHERE kind = 'signing-key')`

/** What a verifier must hold to be granted a lease. */
export async function newestTrust(db: IdpDatabase): Promise<{ epoch: number; n: number }> {
  const { rows } = await sql<{ epoch: number; n: number }>`
    SELECT epoch, ${newestPublished} AS n FROM revision`.execute(db)
  const [newest] = rows
  if (!newest) throw new Error('the revision row is missing: the schema was not migrated')
  return newest
}

/** In the order of their keys, so that two instances that write about the same verifiers do not wait for each other. */
async function record(db: IdpDatabase, requests: readonly LeaseRequest[]): Promise<LeaseReply[]> {
  const lease = sql`${`${trustLeaseMs} milliseconds`}::interval`
  // It goes by its own clocks: this one may go a little faster, or make a small step that nobody notices, and must not give
  // it up before its time.
  const tolerance = sql`${`${clockToleranceMs} milliseconds`}::interval`
  const asked = requests.map((request, place) => ({ place, ...request }))
  const { rows } = await sql<LeaseReply>`
    WITH newest AS (
      SELECT epoch, ${newestPublished} AS n, clock_timestamp() AS now FROM revision
    ), asked AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) AS asked (
        place int, "clientId" text, instance text, epoch bigint, n bigint, library text, algorithms text[],
        "ceilingMs" float8)
    ), crowd AS (
      SELECT client_id, count(*) AS processes FROM verifier_leases
      WHERE client_id IN (SELECT "clientId" FROM asked) AND greatest(accepts_until, seen_at) > now() - interval '1 hour'
      GROUP BY client_id
    ), verdict AS (
      SELECT asked.*, newest.epoch AS newest_epoch, newest.n AS newest_n, now,
             asked.epoch = newest.epoch AND asked.n = newest.n AND NOT "full" AS granted,
             (newest.epoch, newest.n) < (asked.epoch, asked.n) AS ahead,
             asked.epoch = newest.epoch AND newest.n >= asked.n AS credible
      FROM newest, (
        SELECT asked.*, coalesce(processes, 0) >= ${mostProcesses} AND NOT EXISTS (
          SELECT FROM verifier_leases held WHERE held.client_id = "clientId" AND held.instance = asked.instance
        ) AS "full" FROM asked LEFT JOIN crowd ON client_id = "clientId"
      ) asked
    ), stored AS (
      INSERT INTO verifier_leases AS held
        (client_id, instance, epoch, n, library, algorithms, seen_at, behind_since, granted_at,
         lease_until, accepts_until)
      SELECT "clientId", instance, CASE WHEN credible THEN epoch ELSE 0 END, CASE WHEN credible THEN n ELSE 0 END,
             library, algorithms, now, CASE WHEN NOT granted THEN now END, CASE WHEN granted THEN now END,
             CASE WHEN granted THEN now + ${lease} ELSE now END,
             CASE WHEN granted THEN now + 1.001 * greatest(${lease}, "ceilingMs" * interval '1 millisecond') + ${tolerance}
                  ELSE now END
      FROM verdict WHERE NOT "full" ORDER BY "clientId", instance
      -- EXCLUDED tells the verdict: epoch 0 is not credible, somebody who is behind was not granted anything.
      ON CONFLICT (client_id, instance) DO UPDATE SET
        epoch = CASE WHEN EXCLUDED.epoch > 0 THEN EXCLUDED.epoch ELSE held.epoch END,
        n = CASE WHEN EXCLUDED.epoch > 0 THEN EXCLUDED.n ELSE held.n END,
        library = EXCLUDED.library, algorithms = EXCLUDED.algorithms, seen_at = EXCLUDED.seen_at,
        behind_since = CASE WHEN EXCLUDED.behind_since IS NOT NULL
                            THEN coalesce(held.behind_since, EXCLUDED.behind_since) END,
        granted_at = coalesce(EXCLUDED.granted_at, held.granted_at),
        lease_until = CASE WHEN EXCLUDED.behind_since IS NULL THEN EXCLUDED.lease_until ELSE held.lease_until END,
        accepts_until = CASE WHEN EXCLUDED.behind_since IS NULL
                             THEN greatest(held.accepts_until, EXCLUDED.accepts_until) ELSE held.accepts_until END
    )
    SELECT newest_epoch AS epoch, newest_n AS n, granted, ahead, "full" FROM verdict ORDER BY place`.execute(db)
  if (rows.length < requests.length) throw new Error('the revision row is missing: the schema was not migrated')
  return rows
}

/** A verifier that ends cleanly holds nothing up. */
export async function endLease(db: IdpDatabase, clientId: string, instance: string): Promise<void> {
  await db.deleteFrom('verifier_leases').where('client_id', '=', clientId).where('instance', '=', instance).execute()
}
