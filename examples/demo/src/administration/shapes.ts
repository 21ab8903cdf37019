/** What the demo reads of the identity provider's replies. Times are ISO 8601. */

export interface ShownVersion {
  id: string
  state: 'prepared' | 'active' | 'retiring' | 'retired' | 'revoked'
  servedAt?: string
  activatedAt?: string
  retiringAt?: string
  demotedAt?: string
  retiredAt?: string
  revokedAt?: string
}

/** A gate that is closed, and for whom. */
export interface ShownWaiting {
  step: string
  version: string
  gate: string
  for: string[]
  opensAt: string | null
}

export interface ShownKeyring {
  name: string
  algorithm: string
  rotation?: { requestedAt: string }
  versions: ShownVersion[]
  waiting: ShownWaiting[]
}

/** What access tokens are issued by, and what that is to become. */
export interface ShownIssuance {
  keyring: string
  algorithm: string
  /** Every live instance issues by it. */
  confirmed: boolean
  move?: { to: string; requestedAt: string; waiting: { for: string[]; opensAt: string | null } }
}
