import { EventEmitter } from 'node:events'
import { type Clock, systemClock } from './clock.ts'
import { VerifyError } from './error.ts'
import type { JwsHeader } from './jws/header.ts'
import { assertAlgorithms, assertMaxLength, MAX_TOKEN_LENGTH } from './jws/verify.ts'
import { assertAudience, assertIssuer, assertTolerance, openJwt, type VerifiedToken } from './jwt/verify.ts'
import type { Jwks } from './keys/jwk.ts'
import type { TrustChange } from './trust/set.ts'
import type { TrustEvents, TrustSnapshot, TrustSource } from './trust/source.ts'

/** What is expected of the tokens of one issuer. `issuer`, `audience`, `algorithms` and `trust` have no default. */
export interface VerifierOptions {
  /** The one `iss` that is accepted, compared literally, or explicitly `null`. */
  readonly issuer: string | null
  /** One of these must be in `aud`, or explicitly `null`. */
  readonly audience: string | readonly string[] | null
  readonly algorithms: readonly string[]
  /** Where keys come from: `trustFeed(...)` or `jwksPolling(...)`. */
  readonly trust: TrustSource
  /** How far the issuer's clock may be off, in milliseconds. Default 0. */
  readonly clockToleranceMs?: number
  /** The `typ` a token must have (RFC 9068 §4, with or without `application/`), or `null` for any. Default `at+jwt`. */
  readonly requiredTyp?: string | null
  /** Longest token that is read, in characters. Default 65,536. */
  readonly maxLength?: number
  readonly clock?: Clock
}

/** What a refresh found, for the operator who asked for it. */
export interface Refreshed extends TrustChange {
  readonly issuer: string | null
  readonly revision: TrustSnapshot['revision']
  readonly kids: readonly string[]
}

/** RFC 7515 §4.1.9: a media type, compared without case, whose `application/` may be left out. */
function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

function assertTyp(typ: unknown): asserts typ is string | null {
  if (typ === null || (typeof typ === 'string' && typ !== '')) return
  throw new TypeError('requiredTyp must be a media type, or explicitly null')
}

function checked(options: VerifierOptions) {
  const { issuer, audience, algorithms, trust, clockToleranceMs = 0, requiredTyp = 'at+jwt' } = options ?? {}
  const { maxLength = MAX_TOKEN_LENGTH, clock = systemClock } = options ?? {}
  assertIssuer(issuer)
  assertAudience(audience)
  assertAlgorithms(algorithms)
  if (algorithms.length === 0) throw new TypeError('algorithms must name at least one algorithm')
  assertTolerance(clockToleranceMs)
  assertTyp(requiredTyp)
  assertMaxLength(maxLength)
  if (typeof trust?.keys !== 'function') throw new TypeError('trust is required: trustFeed(...) or jwksPolling(...)')
  const typ = requiredTyp === null ? null : mediaType(requiredTyp)
  return { issuer, audience, algorithms: [...algorithms], trust, clockToleranceMs, typ, maxLength, clock }
}

/**
 * Verifies the tokens of one issuer against trust that it keeps fresh by itself. Made by {@link createVerifier}.
 * Emits {@link TrustEvents}; each on a later tick, so that a listener that throws harms nothing but itself.
 */
export class Verifier extends EventEmitter<TrustEvents> {
  readonly #options: ReturnType<typeof checked>

  constructor(options: VerifierOptions) {
    super()
    this.#options = checked(options)
  }

  /** Begins to fetch trust; resolves when it is held for the first time, and rejects only when it never can be. */
  start(): Promise<void> {
    const { algorithms, trust } = this.#options
    return trust.start({
      algorithms,
      denied: { replace: () => undefined, change: () => undefined },
      announce: (event, ...facts) => {
        process.nextTick(() => this.emit(event as keyof TrustEvents, ...(facts as never)))
      },
    })
  }

  /**
   * Verifies one access token, synchronously.
   * @throws {VerifyError} `trust_unavailable` is no fault of the token (answer 503); every other code is (401).
   */
  verify(token: string): VerifiedToken {
    const { issuer, audience, algorithms, clockToleranceMs, typ, maxLength, clock } = this.#options
    const expected = { issuer, audience, clockToleranceMs, nowMs: clock.wallMs() }
    try {
      const verified = openJwt(token, this.#keysFor, algorithms, expected, maxLength)
      if (typ !== null && mediaType(verified.header.typ ?? '') !== typ) throw new VerifyError('type_mismatch')
      return verified
    } catch (error) {
      throw this.#explained(error)
    }
  }

  /**
   * The same for callers that can wait: where keys are polled, a token with an unknown `kid` has the issuer asked once
   * (never more often than the cool-down allows) and is then held against the answer.
   */
  async authenticate(token: string): Promise<VerifiedToken> {
    try {
      return this.verify(token)
    } catch (error) {
      const mayBeNew = error instanceof VerifyError && error.code === 'key_unknown'
      if (!mayBeNew || !(await this.#options.trust.lookAgain(error.kid))) throw error
      return this.verify(token)
    }
  }

  /** What is trusted at this moment. */
  get trust(): TrustSnapshot {
    return this.#options.trust.snapshot()
  }

  /** Asks the issuer now. @throws {VerifyError} when it did not answer; what was held stays, minus what is revoked. */
  async refresh(): Promise<Refreshed> {
    const change = await this.#options.trust.refresh()
    const { revision, kids } = this.trust
    return { issuer: this.#options.issuer, revision, kids, ...change }
  }

  /** Says goodbye to the issuer and stops everything; afterwards every token is refused with `trust_unavailable`. */
  close(): Promise<void> {
    return this.#options.trust.close()
  }

  /** A revoked key is refused before anything else is asked: that is known for ever, with or without a lease. */
  readonly #keysFor = (header: JwsHeader): Jwks => {
    const { trust } = this.#options
    if (header.kid !== undefined && trust.isRevoked(header.kid)) {
      throw new VerifyError('key_revoked', { kid: header.kid })
    }
    return trust.keys()
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof VerifyError) || error.code !== 'key_unknown' || error.kid === undefined) return error
    const code = this.#options.trust.whyAbsent(error.kid)
    return code === 'key_unknown' ? error : new VerifyError(code, { kid: error.kid })
  }
}

/**
 * Makes a {@link Verifier}. Call `start()` before the first token.
 * @throws {TypeError} for an option that is missing or of the wrong shape.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  return new Verifier(options)
}
