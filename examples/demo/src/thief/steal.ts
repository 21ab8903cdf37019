import { createPrivateKey, type KeyObject } from 'node:crypto'
import { connect, databaseKeyringStore, readRootKey, sealerFor } from '@rekey/database'
import { DemoError } from '../error.ts'
import type { Estate } from '../estate/estate.ts'

/** A private key in the wrong hands. */
export interface StolenKey {
  kid: string
  algorithm: string
  key: KeyObject
}

/**
 * Opens the sealed private half of a signing key. Only who holds both the database and the root key can: the demo does,
 * as an insider might.
 */
export async function stealKey(estate: Estate, keyring: string, kid: string): Promise<StolenKey> {
  const sealer = sealerFor(await readRootKey(`file:${estate.rootKeyFile}`, {}))
  const connection = connect(estate.databaseUrl, { max: 1, applicationName: 'rekey-demo' })
  try {
    const stored = await databaseKeyringStore(connection.db).load(keyring)
    const sealed = stored?.versions.find(({ id }) => id === kid)?.sealedPrivate
    if (!stored || !sealed) throw new DemoError('CALL_REFUSED', `there is no private half of ${kid} to steal`)
    // The identity provider seals it for this place, and it opens nowhere else.
    const der = sealer.open(`keyrings/${keyring}/${kid}`, sealed)
    return { kid, algorithm: stored.algorithm, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) }
  } finally {
    await connection.close()
  }
}
