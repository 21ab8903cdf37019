import type { KeyringView } from '../client/keyring.ts'

/** What is said of a rotation's stages, by what is rotated. */
export interface RotationWords {
  served: string
  propagated: string
  /** Followed by the version. */
  used: string
}

const signing: RotationWords = {
  served: 'served by every IdP instance',
  propagated: 'propagated: every live verifier holds it',
  used: 'every live instance signs with',
}
const columns: RotationWords = {
  served: 'held by every IdP instance',
  propagated: 'propagated: it may be used',
  used: 'every live instance encrypts by',
}
const backend: RotationWords = {
  served: 'held by every instance of the backend',
  propagated: 'propagated: it may be used',
  used: 'every live instance goes by',
}

/** Signing keys go by the IdP's words; whatever else rotates concerns no verifier. */
export function wordsOf({ kind }: Pick<KeyringView, 'kind'>): RotationWords {
  if (kind === 'encryption-key') return columns
  return kind === 'signing-key' ? signing : backend
}
