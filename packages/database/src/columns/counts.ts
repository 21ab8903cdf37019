import type { Held } from '@rekey/keyring'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import type { DatabaseTables } from '../tables.ts'
import type { EncryptedColumn } from './column.ts'

/** How many values of a column one version made, or have one older form. */
export interface ColumnCount {
  table: string
  column: string
  /** The id of a version, or `plain`, `cbc`, or `damaged` for what begins like ours and names no version. */
  version: string
  count: number
}

/** The version that made a value, as an expression that an index answers. */
export function versionIn(column: string): RawBuilder<string> {
  return sql<string>`column_version(${sql.ref(column)})`
}

/**
 * Counts the values of columns by the version that made them; versions without values are left out. The versions are found
 * by an index, and each is counted by it.
 */
export async function countValues<T extends DatabaseTables>(
  db: Kysely<T>,
  columns: readonly EncryptedColumn[],
): Promise<ColumnCount[]> {
  const counts: ColumnCount[] = []
  for (const column of columns) counts.push(...(await countsOf(ownTables(db), column)))
  return counts
}

// A step from each version to the next: reading every entry of the index would take as long as reading the table.
async function countsOf(db: Kysely<DatabaseTables>, { table, column }: EncryptedColumn): Promise<ColumnCount[]> {
  const { rows } = await sql<{ version: string; count: number }>`
    WITH RECURSIVE versions AS (
      ${nextVersion(table, column, sql`true`)}
      UNION ALL
      SELECT next.version FROM versions,
        LATERAL (${nextVersion(table, column, sql`${versionIn(column)} > versions.version`)}) AS next
    )
    SELECT version, (SELECT count(*) FROM ${sql.table(table)} WHERE ${versionIn(column)} = versions.version) AS count
    FROM versions`.execute(db)
  return rows.map((row) => ({ table, column, ...row }))
}

function nextVersion(table: string, column: string, behind: RawBuilder<unknown>): RawBuilder<unknown> {
  const version = versionIn(column)
  return sql`(SELECT ${version} AS version FROM ${sql.table(table)}
    WHERE ${version} IS NOT NULL AND ${behind} ORDER BY ${version} LIMIT 1)`
}

/** The first version behind another one, in their order, of which a column has values. */
export async function versionBehind(
  db: Kysely<DatabaseTables>,
  { table, column }: EncryptedColumn,
  version: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ version: string }>`
    ${nextVersion(table, column, sql`${versionIn(column)} > ${version}`)}`.execute(db)
  return rows[0]?.version
}

/**
 * What hangs on each version, over all columns: evidence for the gate `drained` of their keyring. A version that may not be
 * written any more is unsettled while a transaction runs that may not have seen that.
 *
 * Not within a transaction: the count must be younger than what it follows.
 */
export async function columnsHeld<T extends DatabaseTables>(
  database: Kysely<T>,
  columns: readonly EncryptedColumn[],
): Promise<Map<string, Held>> {
  const db = ownTables(database)
  await settleClosings(db)
  const unsettled = await unsettledVersions(db)
  const held = new Map<string, Held>()
  for (const { version, count } of await countValues(db, columns)) {
    held.set(version, { until: null, count: count + (held.get(version)?.count ?? 0) })
  }
  for (const id of unsettled) held.set(id, { until: null, count: 0, ...held.get(id), isUnsettled: true })
  return held
}

/** Sees to it that every closing has a number that was taken after it, by which it is known when the last writer is gone. */
async function settleClosings(db: Kysely<DatabaseTables>): Promise<void> {
  const { rows } = await sql<{ id: string; closing: string }>`
    SELECT id, closed_in::text AS closing FROM column_versions
    WHERE NOT is_open AND (settled_from IS NULL OR settled_from >= pg_snapshot_xmax(pg_current_snapshot()))`.execute(db)
  for (const { id, closing } of rows) await sql`SELECT settle_column_version(${id}, ${closing}::xid8)`.execute(db)
}

// Read before the values are counted: what was settled then stays so, and a transaction that ended was seen by the count.
async function unsettledVersions(db: Kysely<DatabaseTables>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM column_versions
    WHERE is_open OR settled_from IS NULL OR settled_from > pg_snapshot_xmin(pg_current_snapshot())`.execute(db)
  return rows.map(({ id }) => id)
}
