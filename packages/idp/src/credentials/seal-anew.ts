import { rootIdOf, type Sealer } from '@rekey/database'
import type { ClientKeyring, Version } from '@rekey/keyring'
import { sql } from 'kysely'
import { total } from '../root-keys/total.ts'
import type { IdpDatabase } from '../tables.ts'
import { recordOfSecret, sealedSecretOf } from './public-part.ts'
import { credentialsIn, type StoredCredential, storedOf } from './stored.ts'

/** In one pass; the rest comes with the next. */
const mostCredentials = 500

/**
 * Seals under the root key by which is sealed now those secrets that clients sign by and that lie under another: a secret may be in
 * use for years.
 *
 * @param sealing the id of that root key
 * @returns how many credentials there were
 * @throws DatabaseError for one that does not open, when all others are done
 */
export async function sealSecretsAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const rows = await credentialsIn(db)
    .where(
      sql<boolean>`jsonb_path_exists(document, '$.versions[*].publicPart.sealedSecret ? (!(@ starts with $root))',
        ${JSON.stringify({ root: `s1.${sealing}.` })}::jsonb)`,
    )
    .limit(mostCredentials)
    .execute()
  const tended = await Promise.allSettled(rows.map((row) => sealAnew(db, sealer, sealing, storedOf(row))))
  return total(tended)
}

/** The secret stays what it was: nobody needs to be told, and nothing is done where the document was changed meanwhile. */
async function sealAnew(
  db: IdpDatabase,
  sealer: Sealer,
  sealing: string,
  { credentialId, keyring }: StoredCredential,
): Promise<number> {
  const next: ClientKeyring = {
    ...keyring,
    versions: keyring.versions.map((version) => sealedAnew(version, sealer, sealing, credentialId)),
  }
  const update = db.updateTable('credentials').set({ document: JSON.stringify(next) })
  await update.where('credential_id', '=', credentialId).where('revision', '=', keyring.revision).execute()
  return 1
}

function sealedAnew(version: Version, sealer: Sealer, sealing: string, credentialId: string): Version {
  const sealed = sealedSecretOf(version)
  if (sealed === undefined || rootIdOf(sealed) === sealing) return version
  const record = recordOfSecret(credentialId, version.id)
  const sealedSecret = sealer.seal(record, sealer.open(record, sealed))
  return { ...version, publicPart: { ...version.publicPart, sealedSecret } }
}
