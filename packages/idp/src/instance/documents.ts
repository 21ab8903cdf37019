import { changeKeyring, ensureKeyring, type Hands, type KeyringStore, requestForcedRotation } from '@rekey/keyring'
import { type Config, firstIssuer, signingKeyrings } from '../config.ts'
import { ensureIssuance } from '../issuance/store.ts'
import type { IdpDatabase } from '../tables.ts'

/** Makes sure that there are keyrings, by the policy that this instance was given, and something that says which of them signs. */
export async function ensureDocuments(
  db: IdpDatabase,
  hands: Pick<Hands, 'store' | 'make'>,
  { policy }: Config,
): Promise<void> {
  for (const { name, algorithm } of signingKeyrings) await ensureKeyring(hands, { name, algorithm, policy })
  await ensureIssuance(db, firstIssuer)
}

/** Asks for a forced rotation of every keyring: somebody started this instance to have that. */
export async function forceRotations(store: KeyringStore): Promise<void> {
  for (const { name } of signingKeyrings) {
    await changeKeyring(store, name, requestForcedRotation, {
      action: 'keyring.rotation_requested',
      actor: 'rekey',
      details: { by: 'OIDC_FORCE_KEY_ROTATION' },
    })
  }
}
