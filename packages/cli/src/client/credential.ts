import type { Waiting } from './keyring.ts'

/** A credential of an agent as the API tells it; never its secret. Times are ISO 8601. */
export interface CredentialView {
  credentialId: string
  clientId: string
  kind: 'client-secret' | 'client-key'
  status: 'active' | 'expired' | 'revoked'
  createdAt: string
  rotatedAt: string
  /** When the next rotation is due by the interval of the agent's environment. */
  rotateBy?: string
  expiresAt?: string
  /** Until then the secret before this one works too. */
  overlapEndsAt?: string
  revokedAt?: string
  reason?: string
}

/** When a version was used, and from where. */
export interface Seen {
  firstAt: string
  lastAt: string
  count: number
  addresses: { address: string; firstAt: string; lastAt: string; count: number }[]
}

/** One secret, or one public key, of a credential. */
export interface CredentialVersion {
  id: string
  state: 'prepared' | 'active' | 'retiring' | 'retired' | 'revoked'
  preparedAt: string
  activatedAt?: string
  retiringAt?: string
  retiredAt?: string
  revokedAt?: string
  acceptedUntil?: string
  expiresAt?: string
  kid?: string
  seen: Seen | 'not seen'
}

/** A credential with its versions and who still uses which. */
export interface CredentialDetail extends CredentialView {
  versions: CredentialVersion[]
  /** Uses before are not known. */
  recordedSince?: string
  waiting?: Waiting[]
}

/** The reply to creating or rotating a credential: the only one that ever holds the secret. */
export interface IssuedCredential {
  credentialId: string
  clientId: string
  /** Of a client-secret. */
  clientSecret?: string
  /** Of a client-key. */
  kid?: string
  status: string
  createdAt: string
  expiresAt?: string
  overlapEndsAt?: string
}

/** A credential whose rotation is overdue. */
export interface OverdueCredential {
  credentialId: string
  agentId: string
  agentName?: string
  kind: string
  rotatedAt: string
  overdueSince: string
}

/** A credential that expires soon, or that expired and left its agent with none. */
export interface EndingCredential {
  credentialId: string
  agentId: string
  agentName?: string
  /** Who answers for the agent. */
  owner?: string
  kind: string
  environment: string
  /** Of a client that registered. */
  isRegistered: boolean
  expiresAt: string
}

/** One that can be used still. */
export interface ExpiringCredential extends EndingCredential {
  soonSince: string
}

/** The first of them, those first that end first. */
export interface Ending<Credential extends EndingCredential> {
  credentials: Credential[]
  /** How many there are; no more than 10,000 are counted. */
  total: number
  /** Of other organizations, where the operator asks. */
  elsewhere?: { total: number; firstExpiresAt: string | null }
}
