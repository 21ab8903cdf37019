import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { noHash } from './canonical.ts'
import type { CheckpointKeys, Signatories } from './keys.ts'
import { newestCheckpoint } from './newest.ts'

/** Where the chain stands. */
export interface Glance {
  /** Since when the event waits that was recorded first of those that have no place; null when none does. */
  waitingSince: number | null
  size: number
  head: string
  /** The newest checkpoint, when there is one: how many events it covers, when it was signed, and its text. See newest.ts. */
  signed: number | null
  signedAt: number | null
  note: string | null
  /** By which that is signed, and those of before. */
  keys: CheckpointKeys | undefined
  /** Whether something that the audit's key did not sign stands above it. */
  foreign: boolean
  /** By the database's clock. */
  now: number
}

/** Two statements that read a row or two of each table: every instance asks this a few times a second. */
export async function glance(db: Kysely<DatabaseTables>, signers: Signatories): Promise<Glance> {
  const { rows } = await sql<Omit<Glance, 'signed' | 'signedAt' | 'note' | 'keys' | 'foreign'>>`
    SELECT (SELECT since FROM audit_waiting ORDER BY inserted LIMIT 1) AS "waitingSince", coalesce(h.seq, 0) AS size,
      coalesce(encode(h.hash, 'hex'), ${noHash}) AS head, clock_timestamp() AS now
    FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT seq, hash FROM audit_chain
      WHERE seq <= ${Number.MAX_SAFE_INTEGER}::bigint ORDER BY seq DESC LIMIT 1) AS h ON true`.execute(db)
  const newest = await newestCheckpoint(db, signers)
  return {
    ...(rows[0] as Omit<Glance, 'signed' | 'signedAt' | 'note' | 'keys' | 'foreign'>),
    signed: newest?.size ?? null,
    signedAt: newest ? Date.parse(newest.time) : null,
    note: newest?.note ?? null,
    keys: newest && { publicKey: newest.publicKey, origin: newest.origin, former: newest.former ?? [] },
    foreign: (newest?.above ?? 0) > 0,
  }
}
