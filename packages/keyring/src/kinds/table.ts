import type { KindName } from '../lifecycle/keyring.ts'
import type { Kind } from './kind.ts'
import { sharedSecret } from './shared-secret.ts'
import { signingKey } from './signing-key.ts'

/** Every kind by its name. */
export const kinds: Readonly<Record<KindName, Kind>> = {
  'signing-key': signingKey,
  'shared-secret': sharedSecret,
}
