import type { Keyring, KeyringStore } from '@rekey/keyring'
import { type DenyChange, deniedRevision, deniedSince } from '../denied/store.ts'
import type { IdpDatabase } from '../tables.ts'

/** What verifiers are told, as it stood at one moment: the newest revision among its parts stands for them all. */
export interface TrustRead {
  keyrings: Keyring[]
  /** What changed in the deny-list after the revision that was asked for. */
  denied: { revision: number; changes: readonly DenyChange[] }
}

/**
 * Reads it. All keyrings come in one statement; where the deny-list was the same before and after, that is how both stood in
 * that moment.
 */
export async function trustSince(
  db: IdpDatabase,
  store: Pick<KeyringStore, 'list'>,
  deniedAfter: number,
): Promise<TrustRead> {
  for (;;) {
    const denied = await deniedSince(db, deniedAfter)
    const keyrings = await store.list()
    if ((await deniedRevision(db)) === denied.revision) return { keyrings, denied }
  }
}
