import { type Kysely, sql, type Transaction } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import type { DatabaseTables } from '../tables.ts'
import type { EncryptedColumn } from './column.ts'

/** How far the sweep of a column has come. Times are milliseconds since the epoch. */
export interface ColumnSweep {
  table: string
  column: string
  /** Values encrypted anew, and values that do not open (in the pass that is under way, or was the last), by all that took part. */
  moved: number
  refused: number
  perSecond: number | null
  by: string
  beganAt: number
  /** `null` while it is under way, or was killed. */
  endedAt: number | null
}

/** Every sweep that was ever begun, by column: the last one of each. */
export async function columnSweeps<T extends DatabaseTables>(db: Kysely<T>): Promise<ColumnSweep[]> {
  const { rows } = await sql<ColumnSweep>`
    SELECT table_name AS table, column_name AS column, moved, refused, per_second AS "perSecond", by,
      began_at AS "beganAt", ended_at AS "endedAt"
    FROM column_sweeps ORDER BY table_name, column_name`.execute(ownTables(db))
  return rows
}

/**
 * Takes part in the pass that is under way, or begins one. The pace is that of whoever came last.
 *
 * @param isAnother it is another pass of the same sweep
 * @returns whether a pass was begun
 */
export async function joinSweep(
  db: Kysely<DatabaseTables>,
  { table, column }: EncryptedColumn,
  { by, perSecond = null, isAnother }: { by: string; perSecond?: number | null | undefined; isAnother: boolean },
): Promise<boolean> {
  await sql`
    INSERT INTO column_sweeps (table_name, column_name, by, ended_at)
    VALUES (${table}, ${column}, ${by}, clock_timestamp()) ON CONFLICT DO NOTHING`.execute(db)
  const { rows } = await sql<{ begun: boolean }>`
    WITH former AS (
      SELECT * FROM column_sweeps WHERE table_name = ${table} AND column_name = ${column} FOR UPDATE
    )
    UPDATE column_sweeps AS sweep SET per_second = ${perSecond}::integer, ended_at = NULL,
      version = CASE WHEN begins THEN '' ELSE former.version END,
      row_id = CASE WHEN NOT begins THEN former.row_id END,
      in_pass = CASE WHEN begins THEN 0 ELSE former.in_pass END,
      refused = CASE WHEN begins THEN 0 ELSE former.refused END,
      moved = CASE WHEN begins_anew THEN 0 ELSE former.moved END,
      began_at = CASE WHEN begins_anew THEN clock_timestamp() ELSE former.began_at END,
      by = CASE WHEN begins_anew THEN ${by} ELSE former.by END
    FROM former, LATERAL (
      SELECT former.ended_at IS NOT NULL AS begins, former.ended_at IS NOT NULL AND NOT ${isAnother}::boolean AS begins_anew
    ) AS state
    WHERE sweep.table_name = former.table_name AND sweep.column_name = former.column_name
    RETURNING begins AS begun`.execute(db)
  return rows[0]?.begun ?? false
}

/** Where a pass is. */
export interface Place {
  version: string
  rowId: string | null
  inPass: number
  hasEnded: boolean
  /** How long to wait before the next batch; 0 or less: not at all. */
  waitMs: number
}

/** Nobody else does a batch of the column until the transaction ends. */
export async function lockPlace(
  transaction: Transaction<DatabaseTables>,
  { table, column }: EncryptedColumn,
): Promise<Place> {
  const { rows } = await sql<Place>`
    SELECT version, row_id AS "rowId", in_pass AS "inPass", ended_at IS NOT NULL AS "hasEnded",
      CASE WHEN next_at > clock_timestamp()
        THEN ceil(extract(epoch FROM next_at - clock_timestamp()) * 1000)::integer ELSE 0 END AS "waitMs"
    FROM column_sweeps WHERE table_name = ${table} AND column_name = ${column} FOR UPDATE`.execute(transaction)
  const [row] = rows
  if (!row) throw new Error('the sweep has no row: it is made when one takes part')
  return row
}

/** What a batch came to. */
export interface Advance {
  version: string
  rowId: string | null
  read: number
  moved: number
  refused: number
}

/** Saves how far the pass has come. The next batch may begin when the rows of this one are due by the pace. */
export async function savePlace(
  transaction: Transaction<DatabaseTables>,
  { table, column }: EncryptedColumn,
  { version, rowId, read, moved, refused }: Advance,
): Promise<void> {
  await sql`
    UPDATE column_sweeps SET version = ${version}, row_id = ${rowId}, in_pass = in_pass + ${moved},
      moved = moved + ${moved}, refused = refused + ${refused},
      next_at = clock_timestamp() + make_interval(secs => coalesce(${read}::float8 / per_second, 0))
    WHERE table_name = ${table} AND column_name = ${column}`.execute(transaction)
}

export async function endPass(
  transaction: Transaction<DatabaseTables>,
  { table, column }: EncryptedColumn,
): Promise<void> {
  await sql`
    UPDATE column_sweeps SET ended_at = clock_timestamp()
    WHERE table_name = ${table} AND column_name = ${column}`.execute(transaction)
}
