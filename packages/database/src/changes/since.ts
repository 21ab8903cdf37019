import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

export interface ChangeRecord {
  revision: number
  topic: string
  key: string
}

/** How long changes are kept: far longer than a lease, after which an instance reads everything anew. */
const keptFor = '1 hour'

/** What changed after a revision, oldest first. */
export async function changesSince<T extends DatabaseTables>(db: Kysely<T>, revision: number): Promise<ChangeRecord[]> {
  const { rows } = await sql<ChangeRecord>`
    SELECT revision, topic, key FROM changes WHERE revision > ${revision} ORDER BY revision`.execute(db)
  return rows
}

/** Deletes changes that nobody can need any more. */
export async function pruneChanges<T extends DatabaseTables>(db: Kysely<T>): Promise<void> {
  await sql`DELETE FROM changes WHERE at < now() - ${keptFor}::interval`.execute(db)
}
