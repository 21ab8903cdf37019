import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

/** The ids of the root keys that were sealed under, the newest first: the database orders them, whatever a file says. */
export const rootKeysNewestFirst = sql<string[]>`ARRAY(SELECT id FROM root_keys ORDER BY n DESC)`

export async function usedRootKeys(db: Kysely<DatabaseTables>): Promise<string[]> {
  const { rows } = await sql<{ ids: string[] }>`SELECT ${rootKeysNewestFirst} AS ids`.execute(db)
  return rows[0]?.ids ?? []
}
