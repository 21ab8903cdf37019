import { type AuditSigner, type DatabaseTables, newestCheckpoint } from '@rekey/database'
import type { Kysely } from 'kysely'

/** How many things hang on a root key, and how many of them are private halves of keys. */
export interface Hanging {
  sealed: number
  keys: number
}

/** Tells what a service stores that was sealed under each root key, by its id. */
export type StoredUnder = () => Promise<Record<string, Hanging>>

/**
 * What is stored, and the audit: it hangs on the root key whose signer signed it last, because only then does a newer signer
 * name it as its predecessor.
 */
export async function sealedUnder<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
  storedUnder: StoredUnder,
  signer: AuditSigner,
): Promise<Record<string, Hanging>> {
  const stored = await storedUnder()
  const newest = await newestCheckpoint(db, signer)
  const last = signer.all?.().find(({ publicKey }) => newest?.publicKey.equals(publicKey))
  if (!last) return stored
  const { sealed = 0, keys = 0 } = stored[last.rootKey] ?? {}
  return { ...stored, [last.rootKey]: { sealed: sealed + 1, keys } }
}
