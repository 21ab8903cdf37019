import type { DenyEntry, DenySink } from '../deny/entry.ts'
import type { VerifyError, VerifyErrorCode } from '../error.ts'
import type { Jwks } from '../keys/jwk.ts'
import type { TrustChange } from './set.ts'

/** Place of a trust set in the issuer's history. A restored database starts a higher epoch. */
export interface Revision {
  readonly epoch: number
  readonly n: number
}

/** What a verifier trusts at this moment, for health checks, metrics and operators. */
export interface TrustSnapshot {
  /** Whether tokens can be verified now. */
  readonly held: boolean
  /** Null before the first set, and always when polling: a plain JWKS has no revision. */
  readonly revision: Revision | null
  readonly kids: readonly string[]
  readonly revokedKids: readonly string[]
  /** How long trust lasts if nothing more is heard, in milliseconds; 0 when it is over. */
  readonly leaseLeftMs: number
  /** How long ago the issuer was last heard confirming this set, in milliseconds; null before the first time. */
  readonly ageMs: number | null
}

/** What a refresh found, for the operator who asked for it. */
export interface Refreshed extends TrustChange {
  readonly issuer: string | null
  readonly revision: TrustSnapshot['revision']
  readonly kids: readonly string[]
}

/** What a trust source may announce, with the arguments a listener gets. */
export interface TrustEvents {
  keyAdded: [kid: string]
  keyRemoved: [kid: string]
  keyRevoked: [kid: string]
  leaseLost: []
  leaseRegained: []
  /** Trust is held for the first time: what an operator wants to see in the log of a start. */
  bootstrapped: [facts: { readonly issuer: string | null } & TrustSnapshot]
  /** Somebody asked for a refresh, and this is what it found. A refresh that failed is a `problem`. */
  refreshed: [refreshed: Refreshed]
  /** An operator denied these tokens, or took such entries back. */
  denied: [entries: readonly DenyEntry[]]
  allowed: [entries: readonly DenyEntry[]]
  /** The issuer was asked, by a fetch or by a renewal of the lease, and this is what came of it. */
  asked: [outcome: 'ok' | VerifyErrorCode]
  /** Something that is retried by itself, and that an operator wants to know: the feed broke, a renewal was refused. */
  problem: [error: VerifyError]
}

export type Announce = <K extends keyof TrustEvents>(event: K, ...facts: TrustEvents[K]) => void

/** What a verifier tells its trust source when it starts it. */
export interface TrustContext {
  readonly algorithms: readonly string[]
  readonly announce: Announce
  /** Where a source that is told of denied tokens puts them. */
  readonly denied: DenySink
}

/** Of a source that has not been started: nobody listens. */
export const idleContext: TrustContext = {
  algorithms: [],
  announce: () => undefined,
  denied: { replace: () => undefined, change: () => undefined },
}

/**
 * Two verifiers on one source would have one of them told nothing of what is denied, and the keys of one issuer trusted for
 * another.
 * @throws {TypeError} when it was started for another verifier before
 */
export function assertOneVerifier(before: TrustContext, context: TrustContext): void {
  if (before === idleContext || before === context) return
  throw new TypeError('one trust source serves one verifier')
}

/** Where trust comes from. Made by `trustFeed` or `jwksPolling`; one source serves one verifier. */
export interface TrustSource {
  /** Of a source of shared secrets, which serves HS* alone; every other source serves public-key algorithms alone. */
  readonly family?: 'shared-secrets'
  /** By which name the issuer, or a keyring, knows this process, where it does. */
  readonly instance?: string
  /** Resolves when trust is held for the first time. */
  start(context: TrustContext): Promise<void>
  /** The keys to verify with now; throws `trust_unavailable` when nobody vouches for them any more. */
  keys(): Jwks
  isRevoked(kid: string): boolean
  /** `key_retired`, `key_revoked`, `key_unknown`, or `trust_unavailable` where nobody can say for now. */
  whyAbsent(kid: string): VerifyErrorCode
  snapshot(): TrustSnapshot
  /** Asks the issuer now; resolves when the answer has been applied. */
  refresh(): Promise<TrustChange>
  /**
   * A key is not there (`kid` is undefined where the token named none): asks the issuer if that may help and the
   * cool-down allows. Resolves to whether it asked and was answered.
   */
  lookAgain(kid: string | undefined): Promise<boolean>
  close(): Promise<void>
}

/** Announces a change kid by kid. */
export function announceChange(announce: Announce, change: TrustChange): void {
  for (const kid of change.revoked) announce('keyRevoked', kid)
  for (const kid of change.added) announce('keyAdded', kid)
  for (const kid of change.removed) announce('keyRemoved', kid)
}
