import { sql } from 'kysely'
import type { IdpDatabase } from '../../tables.ts'

/** Deletes what has expired, and what ended a while ago. */
export async function pruneOidcState(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM oidc_state WHERE expires_at < now()`.execute(db)
}
