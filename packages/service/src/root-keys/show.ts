import { type AuditSigner, type DatabaseTables, whoLacksRootKey } from '@rekey/database'
import type { Kysely } from 'kysely'
import { type Hanging, type StoredUnder, sealedUnder } from './hanging.ts'
import type { RootKeys } from './watch.ts'

/** A root key as operators see it. Its id is derived from the key, and says nothing about it. */
export interface ShownRootKey extends Hanging {
  id: string
  /** Are new things sealed under it? */
  sealing: boolean
  /** Does every live instance hold it? */
  heldByAll: boolean
}

const nothing: Hanging = { sealed: 0, keys: 0 }

/** The newest first; last those that are not held here any more, and would be needed. */
export async function showRootKeys<Tables extends DatabaseTables>(
  { ids, sealing }: Pick<RootKeys, 'ids' | 'sealing'>,
  db: Kysely<Tables>,
  storedUnder: StoredUnder,
  signer: AuditSigner,
): Promise<ShownRootKey[]> {
  const [whoLacks, sealed] = await Promise.all([whoLacksRootKey(db), sealedUnder(db, storedUnder, signer)])
  const all = [...ids, ...Object.keys(sealed).filter((id) => !ids.includes(id))]
  return all.map((id) => ({
    id,
    sealing: id === sealing,
    heldByAll: whoLacks(id).length === 0,
    ...(sealed[id] ?? nothing),
  }))
}
