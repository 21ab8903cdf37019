/** By what this client authenticates at the identity provider: one or several secrets, or keys. */
import type { ClientAuth } from 'openid-client'

/** One secret, or one key. */
export interface Credential {
  /** For logs and status: a fingerprint or a kid. */
  readonly id: string
  readonly clientId: string
  readonly authenticate: ClientAuth
}

/** What may be tried, and what came of it. */
export interface Credentials {
  /** Nothing while the client is not registered yet. */
  clientId(): string | undefined
  /** Those that may be tried now, the likeliest first. */
  candidates(): Promise<readonly Credential[]>
  /** The provider accepted it. */
  worked(credential: Credential): void
  /** The provider did not accept it. */
  refused(credential: Credential): void
  /** None was accepted: looks whether there are others by now. */
  lookAgain(): Promise<void>
  close(): Promise<void>
}
