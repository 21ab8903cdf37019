import { databaseKeyringStore, rootIdOf, type Sealer } from '@rekey/database'
import { changeKeyring, type Version } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import { columnsKeyring } from './list.ts'
import { recordOfKey } from './material.ts'

/**
 * Seals the keys of encrypted columns under the root key by which is sealed now. They are in use for a year, and lie in escrow for
 * as long as backups may be: an older root key would be needed until then.
 *
 * @param sealing the id of that root key
 * @returns how many there were
 * @throws DatabaseError for one that does not open
 */
export async function sealColumnKeysAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const store = databaseKeyringStore(db)
  const isOlder = ({ sealedPrivate: sealed }: Version) => sealed !== undefined && rootIdOf(sealed) !== sealing
  const older = (await store.load(columnsKeyring))?.versions.filter(isOlder) ?? []
  if (older.length === 0) return 0
  const sealAnew = (version: Version): Version => {
    if (version.sealedPrivate === undefined || !isOlder(version)) return version
    const record = recordOfKey(version.id)
    return { ...version, sealedPrivate: sealer.seal(record, sealer.open(record, version.sealedPrivate)) }
  }
  const ids = older.map(({ id }) => id)
  await changeKeyring(
    store,
    columnsKeyring,
    (keyring) => (keyring.versions.some(isOlder) ? { ...keyring, versions: keyring.versions.map(sealAnew) } : keyring),
    { action: 'keyring.sealed_anew', actor: 'rekey', details: { versions: ids, rootKey: sealing } },
  )
  return older.length
}
