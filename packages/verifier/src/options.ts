import { type Clock, systemClock } from './clock.ts'
import type { DenyList } from './deny/list.ts'
import { assertAlgorithms, assertMaxLength, MAX_TOKEN_LENGTH } from './jws/verify.ts'
import { checkedExpectation, type JwtExpectation } from './jwt/expectation.ts'
import { assertKnown } from './known-options.ts'
import { assertFamily } from './trust/family.ts'
import type { TrustSource } from './trust/source.ts'

/**
 * What is expected of the tokens of one issuer. `issuer`, `audience`, `algorithms` and `trust` have no default; that of
 * `requiredTyp` is `at+jwt` (RFC 9068 §4), and that of `maxTokenLifetimeMs` the one of the `denyList`, if there is one.
 */
export interface VerifierOptions extends JwtExpectation {
  /** Names from RFC 7518, RFC 8037 and RFC 9864: all of them HS*, or none. */
  readonly algorithms: readonly string[]
  /** Where keys come from: `trustFeed(...)`, `jwksPolling(...)` or `sharedSecrets(...)`. */
  readonly trust: TrustSource
  /** Tokens that are refused although their key is good: `denyList(...)`. Default: one in memory, without a file. */
  readonly denyList?: DenyList
  /** Remembers good tokens, so that those seen before cost no cryptography. Off by default. */
  readonly verdictCache?: VerdictCacheOptions
  /** Longest token that is read, in characters. Default 65,536. */
  readonly maxLength?: number
  readonly clock?: Clock
}

export interface VerdictCacheOptions {
  /** How many tokens are remembered at most; each costs about 2 kB. */
  readonly maxEntries: number
}

/** @throws {TypeError} for an option that no verifier has */
export function assertVerifierOptions(of: string, options: Partial<VerifierOptions>): void {
  assertKnown(of, options, {
    issuer: true,
    audience: true,
    clockToleranceMs: true,
    requiredTyp: true,
    requiredClaims: true,
    authorizedParties: true,
    maxTokenLifetimeMs: true,
    algorithms: true,
    trust: true,
    denyList: true,
    verdictCache: true,
    maxLength: true,
    clock: true,
  })
}

function assertCache(cache: VerdictCacheOptions | undefined): void {
  if (cache === undefined) return
  assertKnown('verdictCache', cache, { maxEntries: true })
  if (Number.isSafeInteger(cache.maxEntries) && cache.maxEntries > 0) return
  throw new TypeError('verdictCache must be { maxEntries }, an integer above 0')
}

/** What forgetting denied tokens rests on: where that is bounded, so is the life of tokens. */
function longestLife({ maxTokenLifetimeMs, denyList }: VerifierOptions): number | undefined {
  const bound = denyList?.maxTokenLifetimeMs ?? Number.POSITIVE_INFINITY
  const longest = Math.min(bound, maxTokenLifetimeMs ?? Number.POSITIVE_INFINITY)
  return longest === Number.POSITIVE_INFINITY ? undefined : longest
}

const LARGEST_TOLERANCE_MS = 300_000

/** A deny-list forgets an entry five minutes after the last token that it could match: by then that must be refused. */
function assertForgettable({ denyList, clockToleranceMs = 0 }: VerifierOptions): void {
  if (denyList === undefined || clockToleranceMs <= LARGEST_TOLERANCE_MS) return
  throw new TypeError('clockToleranceMs must be 5 min at most where there is a denyList')
}

/** Reads the options once; from here on they are known to be sound. @throws {TypeError} */
export function checkedOptions(options: VerifierOptions) {
  assertVerifierOptions('a verifier', options)
  const { algorithms, trust, denyList, verdictCache } = options
  const { requiredTyp = 'at+jwt', maxLength = MAX_TOKEN_LENGTH, clock = systemClock } = options
  const expectation = { ...checkedExpectation({ ...options, requiredTyp }), maxTokenLifetimeMs: longestLife(options) }
  assertAlgorithms(algorithms)
  if (algorithms.length === 0) throw new TypeError('algorithms must name at least one algorithm')
  assertMaxLength(maxLength)
  if (typeof trust?.keys !== 'function') {
    throw new TypeError('trust is required: trustFeed(...), jwksPolling(...) or sharedSecrets(...)')
  }
  assertFamily(algorithms, trust)
  assertCache(verdictCache)
  assertForgettable(options)
  const { issuer } = expectation
  return { issuer, expectation, algorithms: [...algorithms], trust, denyList, verdictCache, maxLength, clock }
}
