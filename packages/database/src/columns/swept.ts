import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { EncryptedColumn } from './column.ts'

/** A column as a sweep knows it. */
export interface SweptColumn extends EncryptedColumn {
  /** The type of its ids, as PostgreSQL writes it. */
  idType: string
}

/** @throws what `pg` throws where there is no such table, and an error where it has no such column */
export async function sweptColumn(db: Kysely<DatabaseTables>, column: EncryptedColumn): Promise<SweptColumn> {
  const { rows } = await sql<{ type: string }>`
    SELECT format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
    WHERE attrelid = ${column.table}::regclass AND attname = ${column.id} AND NOT attisdropped`.execute(db)
  const [row] = rows
  if (!row) throw new TypeError(`${column.table} has no column ${column.id}`)
  return { ...column, idType: row.type }
}
