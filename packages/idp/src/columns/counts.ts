import { columnsHeld } from '@rekey/database'
import type { Evidence } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import { encryptedColumns } from './list.ts'

/** By version, how many values hang on it. */
export async function heldNow(db: IdpDatabase): Promise<Pick<Evidence, 'held'>> {
  return { held: await columnsHeld(db, encryptedColumns) }
}
