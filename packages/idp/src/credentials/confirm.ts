import { activeVersion } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { Done } from '../http/idempotency.ts'
import type { IdpDatabase } from '../tables.ts'
import type { NewCredential } from './create.ts'
import { requireOpen } from './plan.ts'
import { findStored } from './stored.ts'

/**
 * Is the version that a reply tells still the one in use? A reply that is given once more must not hand out what is dead.
 *
 * @throws IdpError `CREDENTIAL_REVOKED`, `CREDENTIAL_CHANGED`
 */
export async function requireStillInUse(
  db: IdpDatabase,
  { revision, reply }: Done<Pick<NewCredential, 'credentialId'>>,
): Promise<void> {
  const keyring = (await findStored(db, reply.credentialId))?.keyring
  if (keyring) requireOpen(keyring)
  if (keyring && activeVersion(keyring)?.since === revision) return
  throw new IdpError('CREDENTIAL_CHANGED', 'it was done, and the credential has been rotated again since')
}
