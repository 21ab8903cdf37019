import { endOf } from '../lifecycle/version.ts'
import type { ClientKind } from './kind.ts'

/**
 * A public key of a client that signs its assertions itself (`private_key_jwt`, RFC 7523). The public part is the JWK.
 *
 * Drained: its overlap is over, which by default is as long as the last assertion that it can have signed
 * (`policy.assertionMs`). What was seen of it does not matter: a client that signs by the new key may have sent an assertion
 * of the old one that has not arrived yet.
 */
export const clientKey: ClientKind = {
  name: 'client-key',
  holder: 'client',
  drained: (_keyring, version, _evidence, now) => {
    const opensAt = endOf(version)
    if (opensAt !== null && now >= opensAt) return { open: true }
    return { open: false, for: [`assertions signed by ${version.id}`], opensAt }
  },
}
