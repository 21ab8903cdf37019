import { type ClientKeyring, isAccepted, isClosed, type Version } from '@rekey/keyring'
import { sql } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import type { SecretVault } from '../vault/open.ts'
import { credentialPath } from '../vault/path.ts'
import type { ClientSecrets } from './kept.ts'
import { placeOf, sha256Of } from './public-part.ts'
import { saveStored } from './save.ts'
import { credentialsIn, type StoredCredential, storedOf } from './stored.ts'

/** So many at a time: the others come with the next pass. */
const mostTogether = 20

/**
 * Destroys in Vault what is not accepted any more, whichever instance retired it and whatever became of that one. Any number
 * of instances do this at once.
 *
 * @throws AggregateError of what could not be tidied; it stays to be done
 */
export async function tidyVault(db: IdpDatabase, vault: SecretVault, secrets: ClientSecrets): Promise<void> {
  const rows = await credentialsIn(db)
    .where(sql<boolean>`untidy`)
    .orderBy('credential_id')
    .limit(mostTogether)
    .execute()
  const failures: unknown[] = []
  for (const row of rows) {
    await tidy(db, vault, secrets, storedOf(row)).catch((error) => failures.push(error))
    const last = failures.at(-1)
    if (last instanceof IdpError && last.code === 'VAULT_UNAVAILABLE') break
  }
  if (failures.length > 0) throw new AggregateError(failures, 'old secrets are left in Vault')
}

async function tidy(
  db: IdpDatabase,
  vault: SecretVault,
  secrets: ClientSecrets,
  { credentialId, agentId, keyring }: StoredCredential,
): Promise<void> {
  const hashed = await withHashes(keyring, secrets)
  // First of all: once it is destroyed, nobody could tell that it is presented again.
  const saved = hashed === keyring ? keyring : await rewrite(db, agentId, keyring, hashed)
  if (!saved) return
  await destroyDead(vault, credentialPath(agentId, credentialId), saved)
  await db
    .updateTable('credentials')
    .set({ untidy: false })
    .where('credential_id', '=', credentialId)
    .where('revision', '=', saved.revision)
    .execute()
}

async function destroyDead(vault: SecretVault, path: string, keyring: ClientKeyring): Promise<void> {
  const placed = (accepted: boolean) =>
    keyring.versions
      .filter((version) => isAccepted(version) === accepted)
      .flatMap((version) => placeOf(version)?.version ?? [])
  const kept = placed(true)
  if (kept.length > 0 || isClosed(keyring)) return vault.keepOnly(path, kept)
  // What is accepted is a hash in the database, and a rotation may be about to save what it has just written there.
  for (const version of placed(false)) await vault.discard(path, version)
}

function rewrite(db: IdpDatabase, agentId: string, previous: ClientKeyring, next: ClientKeyring) {
  return db.transaction().execute((transaction) => saveStored(transaction, agentId, previous, next))
}

/**
 * Dead versions get their hash into the document, by which they are known when they are presented again. What cannot be read
 * now is not destroyed now either.
 */
async function withHashes(keyring: ClientKeyring, { hashOfDead }: ClientSecrets): Promise<ClientKeyring> {
  if (keyring.versions.every((version) => !lacksHash(version))) return keyring
  const versions = await Promise.all(
    keyring.versions.map(async (version) => {
      const sha256 = lacksHash(version) ? await hashOfDead(version) : undefined
      return sha256 ? { ...version, publicPart: { ...version.publicPart, sha256: sha256.toString('hex') } } : version
    }),
  )
  return { ...keyring, versions }
}

function lacksHash(version: Version): boolean {
  return !isAccepted(version) && placeOf(version) !== undefined && sha256Of(version) === undefined
}
