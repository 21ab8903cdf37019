import { clockToleranceMs } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { trustLeaseMs } from './hub.ts'

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
}

/** No statement gets larger than this; what is asked beyond it goes into the next one. */
const mostTogether = 500

interface Waiting {
  request: LeaseRequest
  settle: PromiseWithResolvers<LeaseReply>
}

/**
 * Renewals that come while others are being written wait, and are then written together: after an event a thousand
 * verifiers renew in the same second, and one by one that is a thousand commits to disk. Who comes when nothing is being
 * written waits for nobody. Every renewal is judged by a statement that began after it had come.
 */
class Renewals {
  readonly #db: IdpDatabase
  #waiting: Waiting[] = []
  #writing = false

  constructor(db: IdpDatabase) {
    this.#db = db
  }

  renew(request: LeaseRequest): Promise<LeaseReply> {
    const settle = Promise.withResolvers<LeaseReply>()
    this.#waiting.push({ request, settle })
    if (!this.#writing) void this.#write()
    return settle.promise
  }

  async #write(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      const together = this.#take()
      try {
        const replies = await renewTogether(
          this.#db,
          together.map(({ request }) => request),
        )
        for (const [i, { settle }] of together.entries()) settle.resolve(replies[i] as LeaseReply)
      } catch (error) {
        for (const { settle } of together) settle.reject(error)
      }
    }
    this.#writing = false
  }

  /** Of one process at most one, the first: what it says is to be recorded in its order. */
  #take(): Waiting[] {
    const together = new Map<string, Waiting>()
    const later: Waiting[] = []
    for (const waiting of this.#waiting) {
      const { clientId, instance } = waiting.request
      const who = `${clientId}/${instance}`
      if (together.has(who) || together.size === mostTogether) later.push(waiting)
      else together.set(who, waiting)
    }
    this.#waiting = later
    return [...together.values()]
  }
}

const renewals = new WeakMap<IdpDatabase, Renewals>()

/**
 * Records what a verifier holds and prolongs its lease if that is the newest trust revision *in the database* at this
 * moment. Asking the database, and not what this instance has read, means that no lease ever outlives a revocation by more
 * than its own length, whatever this instance has missed.
 *
 * A verifier that is behind is recorded too: operators must see it, and it may hold what a rotation waits for although there
 * is something newer. That prolongs nothing. What it says counts only as far as this database can have told it.
 */
export function renewLease(db: IdpDatabase, request: LeaseRequest): Promise<LeaseReply> {
  const ours = renewals.get(db) ?? new Renewals(db)
  renewals.set(db, ours)
  return ours.renew(request)
}

/** In the order of their keys, so that two instances that write about the same verifiers do not wait for each other. */
async function renewTogether(db: IdpDatabase, requests: LeaseRequest[]): Promise<LeaseReply[]> {
  const lease = sql`${`${trustLeaseMs} milliseconds`}::interval`
  // It goes by its own clocks: this one may make a small step that nobody notices, and must not give it up before its time.
  const tolerance = sql`${`${clockToleranceMs} milliseconds`}::interval`
  const asked = requests.map((request, place) => ({ place, ...request }))
  const { rows } = await sql<LeaseReply>`
    WITH newest AS (
      SELECT epoch, (SELECT coalesce(max(published_revision), 0) FROM keyrings WHERE kind = 'signing-key') AS n,
             clock_timestamp() AS now FROM revision
    ), asked AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) AS asked (
        place int, "clientId" text, instance text, epoch bigint, n bigint, library text, algorithms text[],
        "ceilingMs" float8)
    ), verdict AS (
      SELECT asked.*, newest.epoch AS newest_epoch, newest.n AS newest_n, now,
             asked.epoch = newest.epoch AND asked.n = newest.n AS granted,
             (newest.epoch, newest.n) < (asked.epoch, asked.n) AS ahead,
             asked.epoch = newest.epoch AND newest.n >= asked.n AS credible FROM asked, newest
    ), stored AS (
      INSERT INTO verifier_leases AS held
        (client_id, instance, epoch, n, library, algorithms, seen_at, behind_since, granted_at,
         lease_until, accepts_until)
      SELECT "clientId", instance, CASE WHEN credible THEN epoch ELSE 0 END, CASE WHEN credible THEN n ELSE 0 END,
             library, algorithms, now, CASE WHEN NOT granted THEN now END, CASE WHEN granted THEN now END,
             CASE WHEN granted THEN now + ${lease} ELSE now END,
             CASE WHEN granted THEN now + greatest(${lease}, "ceilingMs" * interval '1 millisecond') + ${tolerance}
                  ELSE now END
      FROM verdict ORDER BY "clientId", instance
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
    SELECT newest_epoch AS epoch, newest_n AS n, granted, ahead FROM verdict ORDER BY place`.execute(db)
  if (rows.length < requests.length) throw new Error('the revision row is missing: the schema was not migrated')
  return rows
}

/** A verifier that ends cleanly holds nothing up. */
export async function endLease(db: IdpDatabase, clientId: string, instance: string): Promise<void> {
  await db.deleteFrom('verifier_leases').where('client_id', '=', clientId).where('instance', '=', instance).execute()
}
