import type { InstanceKindName } from '@rekey/keyring'
import type { SaltName, SealingName } from './held.ts'

/** The BFF's own keyrings. */
export type OwnName = SealingName | SaltName

interface Own {
  readonly kind: InstanceKindName
  /** As operators see it. */
  readonly algorithm: string
}

const sealingKey: Own = { kind: 'sealing-key', algorithm: 'A256GCM' }
const salt: Own = { kind: 'salt', algorithm: 'HS256' }

/** The keyrings of a backend for frontend, and what each is made of. */
export const ownKeyrings: Readonly<Record<OwnName, Own>> = {
  csrf: sealingKey,
  state: sealingKey,
  session: sealingKey,
  'token-hash': salt,
  'ua-hash': salt,
}

export const ownNames = Object.keys(ownKeyrings) as readonly OwnName[]
