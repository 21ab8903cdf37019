import { KeyringError } from '../error.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Change, KeyringStore } from '../stores/store.ts'

/**
 * Changes a keyring by a pure function, again from the newer document whenever another writer was faster. A change that
 * leaves the document as it is saves nothing.
 *
 * @throws KeyringError `UNKNOWN_KEYRING`, and whatever refusal the function itself throws
 */
export async function changeKeyring(
  store: KeyringStore,
  name: string,
  change: (keyring: Keyring, now: number) => Keyring,
  about: Change,
): Promise<Keyring> {
  for (;;) {
    const keyring = await store.load(name)
    if (!keyring) throw unknownKeyring(name)
    const next = change(keyring, await store.now())
    if (next === keyring) return keyring
    const saved = await store.save(keyring, next, about)
    if (saved) return saved
  }
}

export function unknownKeyring(name: string): KeyringError {
  return new KeyringError('UNKNOWN_KEYRING', `there is no keyring ${name}`, { name })
}
