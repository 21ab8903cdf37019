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

/**
 * Records what a verifier holds and prolongs its lease if that is the newest trust revision *in the database* at this
 * moment. Asking the database, and not what this instance has read, means that no lease ever outlives a revocation by more
 * than its own length, whatever this instance has missed.
 */
export async function renewLease(db: IdpDatabase, request: LeaseRequest): Promise<LeaseReply> {
  const lease = sql`${`${trustLeaseMs} milliseconds`}::interval`
  const accepts = sql`${`${Math.max(trustLeaseMs, request.ceilingMs)} milliseconds`}::interval`
  const { rows } = await sql<LeaseReply>`
    WITH newest AS (
      SELECT epoch, (SELECT coalesce(max(published_revision), 0) FROM keyrings WHERE kind = 'signing-key') AS n FROM revision
    ), verdict AS (
      SELECT epoch, n, epoch = ${request.epoch} AND n = ${request.n} AS granted,
             (epoch, n) < (${request.epoch}::bigint, ${request.n}::bigint) AS ahead FROM newest
    ), stored AS (
      INSERT INTO verifier_leases AS held (client_id, instance, epoch, n, library, algorithms, lease_until, accepts_until)
      SELECT ${request.clientId}, ${request.instance}, ${request.epoch}, ${request.n}, ${request.library},
             ${request.algorithms}, clock_timestamp() + ${lease}, clock_timestamp() + ${accepts}
      FROM verdict WHERE granted
      ON CONFLICT (client_id, instance) DO UPDATE SET
        epoch = EXCLUDED.epoch, n = EXCLUDED.n, library = EXCLUDED.library, algorithms = EXCLUDED.algorithms,
        lease_until = EXCLUDED.lease_until, accepts_until = greatest(held.accepts_until, EXCLUDED.accepts_until)
    )
    SELECT epoch, n, granted, ahead FROM verdict`.execute(db)
  const [reply] = rows
  if (!reply) throw new Error('the revision row is missing: the schema was not migrated')
  return reply
}

/** A verifier that ends cleanly holds nothing up. */
export async function endLease(db: IdpDatabase, clientId: string, instance: string): Promise<void> {
  await db.deleteFrom('verifier_leases').where('client_id', '=', clientId).where('instance', '=', instance).execute()
}

/** A process that verifies, as operators see it. Times are milliseconds since the epoch. */
export interface VerifierRow {
  id: string
  clientId: string
  instance: string
  library: string
  epoch: number
  n: number
  algorithms: string[]
  leaseUntil: number
  acceptsUntil: number
  live: boolean
}

/** Every verifier process that was seen lately. Its id is its client's name and its instance's. */
export async function verifiers(db: IdpDatabase): Promise<VerifierRow[]> {
  const { rows } = await sql<VerifierRow>`
    SELECT name || '/' || instance AS id, client_id AS "clientId", instance, library, epoch, n, algorithms,
           lease_until AS "leaseUntil", accepts_until AS "acceptsUntil", accepts_until > clock_timestamp() AS live
    FROM verifier_leases JOIN verifiers USING (client_id) ORDER BY name, instance`.execute(db)
  return rows
}

/** Deletes the leases of verifiers that have been gone for an hour. */
export async function pruneVerifierLeases(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM verifier_leases WHERE accepts_until < now() - interval '1 hour'`.execute(db)
}
