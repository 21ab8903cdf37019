import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sql } from 'kysely'
import { encryptedColumns } from '../../src/columns/list.ts'
import { startEstate } from '../estate.ts'

it('every column that the database keeps encrypted is counted and encrypted anew', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate()
  t.after(() => estate.stop())
  const { rows } = await sql<{ place: string }>`
    SELECT tgname AS place FROM pg_trigger
    JOIN pg_proc ON pg_proc.oid = tgfoid WHERE prosrc LIKE '%check_column_value%' ORDER BY 1`.execute(estate.db)
  const { rows: indexes } = await sql<{ place: string }>`
    SELECT indexname AS place FROM pg_indexes
    WHERE schemaname = current_schema AND indexdef LIKE '%column_version(%' ORDER BY 1`.execute(estate.db)
  const listed = encryptedColumns.map(({ table, column }) => `${table}_${column}_encrypted`).sort()
  assert.deepEqual(rows.map(({ place }) => place).sort(), listed)
  assert.deepEqual(indexes.map(({ place }) => place).sort(), listed)
})
