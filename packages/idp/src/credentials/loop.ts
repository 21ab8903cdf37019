import type { InstanceView } from '@rekey/database'
import { type ClientPolicy, type HandsOrEyes, type Loop, startLoop } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import { usesOf } from './evidence.ts'
import { putOff } from './save.ts'
import { credentialStore } from './store.ts'

const beatMs = 1_000

/**
 * Lets go of what was replaced, when its overlap is over or nobody uses it any more. It reads only what is due, of a million
 * credentials too: what waits for a client is put off until it can make a difference. That an overlap is over counts in any
 * case from its very moment, wherever a secret is compared.
 */
export function credentialLoop(
  db: IdpDatabase,
  view: Pick<InstanceView, 'held'>,
  onError: (error: unknown) => void,
): Loop {
  const hands: HandsOrEyes<ClientPolicy> = { store: credentialStore(db), observe: (keyring) => usesOf(db, keyring) }
  return startLoop(hands, {
    everyMs: beatMs,
    enabled: () => view.held(),
    onError,
    onDecision: (keyring, { nextDecisionAt }) => putOff(db, keyring, nextDecisionAt),
  })
}
