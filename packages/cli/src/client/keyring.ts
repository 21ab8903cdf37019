/** A version as the API tells it. Times are ISO 8601. */
export interface VersionView {
  id: string
  state: 'prepared' | 'active' | 'retiring' | 'retired' | 'revoked'
  preparedAt: string
  /** All instances serve it since. */
  servedAt?: string
  activatedAt?: string
  retiringAt?: string
  /** All live instances confirmed that they sign with it no more. */
  demotedAt?: string
  retiredAt?: string
  revokedAt?: string
  reason?: string
  /** How much needs it, where that is counted, and when the last of it ends by itself. */
  held?: { count: number; until: string | null }
}

/** A gate that is closed: the step that waits behind it, for whom, and when it opens by itself (null: it does not). */
export interface Waiting {
  step: string
  /** Id of the version that the step is about. */
  version?: string
  gate: string
  for: string[]
  opensAt: string | null
  since?: string
}

/** A keyring as the API tells it. */
export interface KeyringView {
  name: string
  kind: string
  algorithm?: string
  revision: number
  policy: Readonly<Record<string, unknown>>
  /** The rotation that was asked for, until its successor is active or somebody gives it up. */
  rotation?: { requestedAt: string; by: string; forced: boolean; reason?: string }
  versions: VersionView[]
  waiting: Waiting[]
}

/** How far the trust of the estate has come. A backup that was restored begins another epoch. */
export interface TrustRevision {
  epoch: number
  n: number
}

/** A verifier process and what it last said it holds. */
export interface VerifierView {
  /** The name of its client and that of the process: `api/8081`. Gates name it so. */
  id: string
  clientId?: string
  instance?: string
  library: string
  revision: TrustRevision | string
  leaseUntil: string
  /** Until then it may go on by what it knows: the end of its lease, or of the ceiling that it chose. */
  acceptsUntil?: string
  /** When it asked last, whether or not it was granted a lease. */
  seenAt?: string
  /** Since when it asks without holding the newest trust set; null when it holds that. */
  behindSince?: string | null
  /** When it was granted its latest lease; null when it never was. */
  grantedAt?: string | null
  /** None when it has not said. */
  algorithms?: string[]
  live?: boolean
}

/** The version that is used to sign now. */
export function activeOf(keyring: KeyringView): VersionView | undefined {
  return keyring.versions.find((version) => version.state === 'active')
}

/** The version that would take over next: the oldest one prepared. */
export function standbyOf(keyring: KeyringView): VersionView | undefined {
  return keyring.versions.find((version) => version.state === 'prepared')
}
