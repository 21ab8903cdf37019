/**
 * What was committed in `revocations` since somebody looked, told by snapshots and not by times: a transaction may be long, so that
 * its rows appear when others that were written later have been read. A row is news where the earlier snapshot did not see the
 * transaction that wrote it, and this one does. Whatever else runs, no row is passed over, and none is read twice; the index finds
 * them.
 */
import { type RawBuilder, sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import type { Revocation } from './record.ts'

/** Rows, in the order that they were written in, and the snapshot that they were read in, by which to go on. */
export interface RowsRead {
  rows: Revocation[]
  seen: string
}

/** Those of that long. */
export const rowsKept = (db: IdpDatabase, keptMs: number): Promise<RowsRead> =>
  read(db, sql`at > now() - ${keptMs}::float8 * interval '1 millisecond'`)

/**
 * Those that are news since an earlier snapshot.
 *
 * @returns nothing where this is another database than that one was of, as when a standby took over that lacks its last commits
 */
export async function rowsSince(db: IdpDatabase, seen: string): Promise<RowsRead | undefined> {
  // Rows that were restored bear the number of a transaction elsewhere, which may be to come here: hence the last line.
  const found = await read(
    db,
    sql`(written_in >= pg_snapshot_xmax(${seen}::pg_snapshot)
        OR written_in = ANY (ARRAY(SELECT pg_snapshot_xip(${seen}::pg_snapshot))))
      AND written_in < pg_snapshot_xmax(pg_current_snapshot())`,
  )
  return xmaxOf(found.seen) < xmaxOf(seen) ? undefined : found
}

async function read(db: IdpDatabase, wanted: RawBuilder<unknown>): Promise<RowsRead> {
  const { rows } = await sql<Revocation & { seen: string }>`
    SELECT seen, revocation_id AS id, at, kind, key, state
    FROM (SELECT pg_current_snapshot()::text AS seen) AS now LEFT JOIN revocations ON ${wanted}
    ORDER BY at`.execute(db)
  const [first] = rows
  if (!first) throw new Error('a snapshot was asked for, and none came')
  // Without rows there is one that has the snapshot alone.
  return { seen: first.seen, rows: rows.flatMap(({ seen: _, ...row }) => (row.id ? [row] : [])) }
}

/** The number of the first transaction that had not begun. */
const xmaxOf = (snapshot: string): bigint => BigInt(snapshot.split(':')[1] ?? 0)
