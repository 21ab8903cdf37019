import { rootIdIn } from '@rekey/database'
import type { IdpDatabase } from '../../tables.ts'

/** Whoever has the older root key could read them for as long as they are kept. */
export async function forgetReplies(db: IdpDatabase, newestRootKey: string): Promise<void> {
  await db.deleteFrom('idempotent_replies').where(rootIdIn('sealed_reply'), '<>', newestRootKey).execute()
}
