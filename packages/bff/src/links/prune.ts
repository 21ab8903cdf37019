import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'

/** Deletes links that are over. */
export async function pruneLinks(db: BffDatabase): Promise<void> {
  await sql`DELETE FROM links WHERE expires_at < now()`.execute(db)
}
