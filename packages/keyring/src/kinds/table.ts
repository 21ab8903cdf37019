import type { ClientKindName, InstanceKindName } from '../lifecycle/keyring.ts'
import { clientKey } from './client-key.ts'
import { clientSecret } from './client-secret.ts'
import { encryptionKey } from './encryption-key.ts'
import type { ClientKind, InstanceKind } from './kind.ts'
import { salt } from './salt.ts'
import { sealingKey } from './sealing-key.ts'
import { sharedSecret } from './shared-secret.ts'
import { signingKey } from './signing-key.ts'
import { webhookSecret } from './webhook-secret.ts'

/** Every kind by its name. */
export const kinds: Readonly<Record<InstanceKindName, InstanceKind> & Record<ClientKindName, ClientKind>> = {
  'signing-key': signingKey,
  'shared-secret': sharedSecret,
  'sealing-key': sealingKey,
  salt,
  'encryption-key': encryptionKey,
  'client-secret': clientSecret,
  'client-key': clientKey,
  'webhook-secret': webhookSecret,
}
