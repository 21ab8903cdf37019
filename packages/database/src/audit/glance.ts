import { type Kysely, sql } from 'kysely'
import { rootKeysNewestFirst } from '../sealing/used.ts'
import type { DatabaseTables } from '../tables.ts'
import { noHash } from './canonical.ts'
import type { CheckpointKeys } from './keys.ts'
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
  /** The ids of the root keys that were sealed under, the newest first. */
  rootKeys: string[]
  /** Whether something that the audit's key did not sign stands above it. */
  foreign: boolean
  /** By the database's clock. */
  now: number
}

/** Since when the event waits that has waited the longest for its place. */
export const waitingLongest = sql`SELECT since FROM audit_waiting ORDER BY inserted LIMIT 1`

type Stand = Pick<Glance, 'waitingSince' | 'size' | 'head' | 'rootKeys' | 'now'>

/**
 * Two statements that read a row or two of each table: every instance asks this a few times a second.
 *
 * @param signersOf who may have signed, the newest first, given in which order root keys came to be used
 */
export async function glance(
  db: Kysely<DatabaseTables>,
  signersOf: (rootKeys: readonly string[]) => readonly CheckpointKeys[],
): Promise<Glance> {
  const { rows } = await sql<Stand>`
    SELECT (${waitingLongest}) AS "waitingSince", coalesce(h.seq, 0) AS size,
      coalesce(encode(h.hash, 'hex'), ${noHash}) AS head, ${rootKeysNewestFirst} AS "rootKeys", clock_timestamp() AS now
    FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT seq, hash FROM audit_chain
      WHERE seq <= ${Number.MAX_SAFE_INTEGER}::bigint ORDER BY seq DESC LIMIT 1) AS h ON true`.execute(db)
  const stand = rows[0] as Stand
  const newest = await newestCheckpoint(db, signersOf(stand.rootKeys))
  return {
    ...stand,
    signed: newest?.size ?? null,
    signedAt: newest ? Date.parse(newest.time) : null,
    note: newest?.note ?? null,
    keys: newest && { publicKey: newest.publicKey, origin: newest.origin, former: newest.former ?? [] },
    foreign: (newest?.above ?? 0) > 0,
  }
}
