import type { Held } from '@rekey/keyring'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import type { encryptedColumns } from './list.ts'

export async function countValues(db: IdpDatabase, columns: typeof encryptedColumns) {
  const found: { table: string; column: string; version: string; count: number }[] = []
  for (const { table, column } of columns) {
    const { rows } = await sql<{ version: string; count: number }>`
      SELECT CASE WHEN v LIKE 'c1.%' THEN split_part(v, '.', 2) WHEN v ~ '^[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/=]+$' THEN 'cbc' ELSE 'plain' END AS version,
        count(*)::int AS count FROM (SELECT ${sql.ref(column)} AS v FROM ${sql.table(table)}) x WHERE v IS NOT NULL GROUP BY 1`.execute(
      db,
    )
    found.push(...rows.map((row) => ({ table, column, ...row })))
  }
  return found
}

export async function columnsHeld(db: IdpDatabase, columns: typeof encryptedColumns): Promise<Map<string, Held>> {
  const held = new Map<string, Held>()
  for (const { version, count } of await countValues(db, columns)) {
    held.set(version, { count: (held.get(version)?.count ?? 0) + count, until: null })
  }
  return held
}

export async function columnForms(_db: IdpDatabase): Promise<{ form: string; state: string }[]> {
  return []
}
export async function openForms(_db: IdpDatabase, _forms: readonly string[]): Promise<void> {}
