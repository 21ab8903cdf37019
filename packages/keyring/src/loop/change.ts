import { KeyringError } from '../error.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Change, KeyringStore } from '../stores/store.ts'

/**
 * Changes a keyring by a pure function, again from the newer document whenever another writer was faster. A change that
 * leaves the document as it is saves nothing.
 *
 * @throws KeyringError `UNKNOWN_KEYRING`, and whatever refusal the function itself throws
 */
export async function changeKeyring<P extends AnyPolicy>(
  store: KeyringStore<P>,
  name: string,
  change: (keyring: Keyring<P>, now: number) => Keyring<P>,
  about: Change,
): Promise<Keyring<P>> {
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
