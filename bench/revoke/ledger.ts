import type { Pool } from '@rekey/database'
import type { Keyrings } from '../estate/keyrings.ts'
import { sharedClockMs } from './clock.ts'

/** Without it PostgreSQL does not keep the moments of commits. */
export const COMMIT_TIMES = 'track_commit_timestamp = on'

const CLOCK_SAMPLES = 20

/**
 * What the database knows of revocations, without asking the IdP.
 *
 * When one was committed: PostgreSQL stamps a commit (`pg_xact_commit_timestamp`) when it begins to write it to disk, so
 * before it is durable and before anybody is notified: what is counted from there is never too short. The transaction is
 * that of the audit event of the revocation. Its wall clock is translated to the clock that the processes share by asking
 * for both at once, as often as it takes for one question to be quick: the error is half of that round trip, some 0.1 ms.
 */
export class Ledger {
  readonly keyrings: Keyrings
  readonly #pool: Pool

  constructor(keyrings: Keyrings) {
    this.keyrings = keyrings
    this.#pool = keyrings.pool
  }

  /** When the revocation of a version was committed, in milliseconds of the shared clock. */
  async revocationOf(kid: string): Promise<number> {
    const { rows } = await this.#pool.query<{ at: number }>(
      `SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 * 1000 AS at FROM audit_events
       WHERE action = 'keyring.revoked' AND details->>'version' = $1`,
      [kid],
    )
    const [row] = rows
    if (!row || rows.length > 1) throw new Error(`${kid} was revoked ${rows.length} times`)
    return row.at + (await this.#offsetMs())
  }

  /** How many verifiers have acknowledged everything that there is to know. */
  async acknowledged(): Promise<number> {
    const { rows } = await this.#pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM verifier_leases
       WHERE n = (SELECT max(published_revision) FROM keyrings) AND lease_until > clock_timestamp()`,
    )
    return rows[0]?.count ?? 0
  }

  async #offsetMs(): Promise<number> {
    let best = { tripMs: Number.POSITIVE_INFINITY, offsetMs: Number.NaN }
    for (let i = 0; i < CLOCK_SAMPLES; i += 1) {
      const before = sharedClockMs()
      const { rows } = await this.#pool.query<{ at: number }>(
        'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS at',
      )
      const after = sharedClockMs()
      const offsetMs = (before + after) / 2 - (rows[0]?.at ?? Number.NaN)
      if (after - before < best.tripMs) best = { tripMs: after - before, offsetMs }
    }
    return best.offsetMs
  }
}
