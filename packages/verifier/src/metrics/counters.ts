import type { VerifyErrorCode } from '../error.ts'
import type { TrustSnapshot } from '../trust/source.ts'

/** How often each outcome was seen: `ok`, or the code of the refusal. */
export type Outcomes = ReadonlyMap<'ok' | VerifyErrorCode, number>

/** What a verifier has done since it was made. Counts only ever grow; times are milliseconds since the Unix epoch. */
export interface VerifierMetrics {
  readonly issuer: string | null
  readonly trust: TrustSnapshot
  /** Tokens that were verified or refused. */
  readonly verdicts: Outcomes
  /** Fetches of the key set, or renewals of the lease. */
  readonly asked: Outcomes
  readonly keyChanges: { readonly added: number; readonly removed: number; readonly revoked: number }
  /** When a good token of each key was last seen, for the keys that are trusted now and those that were lately. */
  readonly lastUsedMs: ReadonlyMap<string, number>
  /** Entries of the deny-list. */
  readonly denied: number
  /** Null where no verdict cache was asked for. */
  readonly cache: { readonly hits: number; readonly misses: number; readonly entries: number } | null
}
