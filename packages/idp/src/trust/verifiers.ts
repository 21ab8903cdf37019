import { recordEvent } from '@rekey/database'
import { sql } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'

/** A process that verifies, as operators see it. Times are milliseconds since the epoch. */
export interface VerifierRow {
  id: string
  clientId: string
  instance: string
  library: string
  epoch: number
  n: number
  /** None when it has not said. */
  algorithms: string[]
  leaseUntil: number
  acceptsUntil: number
  /** When it asked last, whether or not it was granted a lease. */
  seenAt: number
  /** Since when it asks without holding the newest trust set; `null` when it held that the last time. */
  behindSince: number | null
  /** When it was granted a lease last; `null` when it never was. */
  grantedAt: number | null
  /** May it still be accepting by what it holds? */
  live: boolean
}

/** Every verifier process that was seen lately. Its id is its client's name and its instance's. */
export async function verifiers(db: IdpDatabase): Promise<VerifierRow[]> {
  const { rows } = await sql<VerifierRow>`
    SELECT name || '/' || instance AS id, client_id AS "clientId", instance, library, epoch, n, algorithms,
           lease_until AS "leaseUntil", accepts_until AS "acceptsUntil", seen_at AS "seenAt",
           behind_since AS "behindSince", granted_at AS "grantedAt", accepts_until > clock_timestamp() AS live
    FROM verifier_leases JOIN verifiers USING (client_id) ORDER BY name, instance`.execute(db)
  return rows
}

/**
 * Forgets a process that verifies: no gate waits for it until it renews again. Whoever asks for that knows that it is gone,
 * or takes it on himself that it refuses good tokens.
 *
 * @param id as `verifiers` shows it
 * @throws IdpError `UNKNOWN_VERIFIER`
 */
export async function forgetVerifier(db: IdpDatabase, id: string, actor: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ library: string; acceptsUntil: number }>`
      DELETE FROM verifier_leases AS held USING verifiers
      WHERE held.client_id = verifiers.client_id AND name || '/' || instance = ${id}
      RETURNING library, accepts_until AS "acceptsUntil"`.execute(transaction)
    const [forgotten] = rows
    if (!forgotten) throw new IdpError('UNKNOWN_VERIFIER', `there is no verifier ${id}`)
    const details = { verifier: id, library: forgotten.library, acceptsUntil: new Date(forgotten.acceptsUntil) }
    await recordEvent(transaction, { action: 'verifier.forgotten', outcome: 'success', actor, details })
  })
}

/** Deletes the leases of verifiers that have not been seen for an hour, and may accept nothing any more. */
export async function pruneVerifierLeases(db: IdpDatabase): Promise<void> {
  await sql`
    DELETE FROM verifier_leases WHERE greatest(accepts_until, seen_at) < now() - interval '1 hour'`.execute(db)
}
