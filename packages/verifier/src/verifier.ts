import { EventEmitter } from 'node:events'
import type { DenyEntry } from './deny/entry.ts'
import { type DeniedEntry, type DenyList, denyList } from './deny/list.ts'
import { VerifyError, type VerifyErrorCode } from './error.ts'
import { instanceName } from './instance-name.ts'
import type { JwsHeader } from './jws/header.ts'
import { checkTimes } from './jwt/claims.ts'
import { openJwt, type VerifiedToken } from './jwt/verify.ts'
import type { Jwks } from './keys/jwk.ts'
import { SecretSet } from './keys/secret-set.ts'
import type { VerifierMetrics } from './metrics/counters.ts'
import { Tally } from './metrics/tally.ts'
import { checkedOptions, type VerifierOptions } from './options.ts'
import type { Refreshed, TrustContext, TrustEvents, TrustSnapshot, TrustSource } from './trust/source.ts'
import { VerdictCache } from './verdicts/cache.ts'

const TEN_YEARS_MS = 3_650 * 86_400_000

/** The outcome of a verification as a value: what `verify` returns, or what it throws. */
export type VerifyResult =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly code: VerifyErrorCode; readonly error: VerifyError }

/** For the second argument of `then`, and for `catch`. */
export function asResult(error: unknown): VerifyResult {
  if (error instanceof VerifyError) return { ok: false, code: error.code, error }
  throw error
}

/**
 * Verifies the tokens of one issuer against trust that it keeps fresh by itself. Made by {@link createVerifier}.
 * Emits {@link TrustEvents}, each on a later tick: what a listener throws is not caught, and reaches no request.
 */
export class Verifier extends EventEmitter<TrustEvents> {
  /**
   * By which the internal endpoints say who answered, where several processes stand behind one address: on the feed, the name
   * by which the issuer knows this process; otherwise the host's and something random. It stays while the process lives.
   */
  readonly instance: string
  readonly #options: ReturnType<typeof checkedOptions>
  readonly #deny: DenyList
  readonly #verdicts: VerdictCache | undefined
  readonly #context: TrustContext
  readonly #tally = new Tally()

  constructor(options: VerifierOptions) {
    super()
    this.#options = checkedOptions(options)
    this.instance = this.#options.trust.instance ?? instanceName()
    const { clock, verdictCache } = this.#options
    // Where no list was asked for, nothing bounds the life of tokens: then nothing is forgotten while the process lives.
    this.#deny = this.#options.denyList ?? denyList({ clock, maxTokenLifetimeMs: TEN_YEARS_MS })
    this.#verdicts = verdictCache && new VerdictCache(verdictCache.maxEntries)
    this.#context = { algorithms: this.#options.algorithms, denied: this.#deny.issuer, announce: this.#announce }
  }

  /** The `iss` of the tokens that are verified; null where any is. */
  get issuer(): string | null {
    return this.#options.issuer
  }

  /** Longest token that is read, in characters. */
  get maxLength(): number {
    return this.#options.maxLength
  }

  /**
   * Begins to fetch trust; resolves when it is held for the first time, and rejects only when it never can be: a
   * deny-list or a state file that cannot be read, secrets that cannot be used, or `close()`.
   */
  async start(): Promise<void> {
    await this.#deny.start(this.#onDenyProblem)
    await this.#options.trust.start(this.#context)
    this.#announce('bootstrapped', { issuer: this.issuer, ...this.trust })
  }

  /**
   * Verifies one access token, synchronously. What a `cnf` claim binds it to is not looked at here: that takes the whole
   * request, which the guards have.
   * @throws {VerifyError} `trust_unavailable` is no fault of the token (answer 503); every other code is (401).
   */
  verify(token: string): VerifiedToken {
    try {
      return this.#verified(token)
    } catch (error) {
      throw this.#refused(error)
    }
  }

  /**
   * The same for callers that can wait: where keys are polled, a token whose key is not there has the issuer asked once
   * (never more often than the cool-down allows) and is then held against the answer.
   */
  async authenticate(token: string): Promise<VerifiedToken> {
    try {
      return this.#verified(token)
    } catch (error) {
      const explained = this.#explained(error)
      if (!keyMayHaveCome(explained) || !(await this.#options.trust.lookAgain(explained.kid))) {
        throw this.#refused(explained)
      }
    }
    return this.verify(token)
  }

  /** `verify`, with what is wrong with a token as a value instead of an exception. */
  tryVerify(token: string): VerifyResult {
    try {
      return { ok: true, token: this.verify(token) }
    } catch (error) {
      return asResult(error)
    }
  }

  /** `authenticate`, with what is wrong with a token as a value instead of an exception. */
  async tryAuthenticate(token: string): Promise<VerifyResult> {
    return this.authenticate(token).then((verified) => ({ ok: true as const, token: verified }), asResult)
  }

  /** What is trusted at this moment. */
  get trust(): TrustSnapshot {
    return this.#options.trust.snapshot()
  }

  /** Asks the issuer now. @throws {VerifyError} when it did not answer; what was held stays, minus what is revoked. */
  async refresh(): Promise<Refreshed> {
    const change = await this.#options.trust.refresh()
    const { revision, kids } = this.trust
    const refreshed = {
      issuer: this.issuer,
      revision,
      ...change,
      kids: kids.filter((kid) => !this.#deny.isKidDenied(kid)),
    }
    this.#announce('refreshed', refreshed)
    return refreshed
  }

  /**
   * Denies tokens from now on. Resolves when the entries will survive a restart, if the deny-list has a state file.
   * @throws {VerifyError} `deny_file_failed`: they are in force, but a restart would forget them.
   */
  async deny(entries: readonly DenyEntry[]): Promise<void> {
    await this.#inForce('denied', entries, this.#deny.add(entries))
  }

  /** Takes entries of {@link deny} back, and resolves to how many there were. What the issuer or the file denies stays. */
  async allow(entries: readonly DenyEntry[]): Promise<number> {
    return this.#inForce('allowed', entries, this.#deny.remove(entries))
  }

  /** Everything that is denied, by whom, and until when. */
  denied(): Iterable<DeniedEntry> {
    return this.#deny.entries()
  }

  /** What was done since this verifier was made. */
  metrics(): VerifierMetrics {
    const cache = this.#verdicts?.counts ?? null
    return { issuer: this.issuer, trust: this.trust, denied: this.#deny.size, cache, ...this.#tally.counts() }
  }

  /** Says goodbye to the issuer and stops everything; afterwards every token is refused with `trust_unavailable`. */
  async close(): Promise<void> {
    await this.#options.trust.close()
    await this.#deny.close()
  }

  /** What could not be written is in force all the same. */
  async #inForce<T>(event: 'denied' | 'allowed', entries: readonly DenyEntry[], written: Promise<T>): Promise<T> {
    try {
      const result = await written
      this.#announce(event, entries)
      return result
    } catch (error) {
      if (error instanceof VerifyError && error.code === 'deny_file_failed') this.#announce(event, entries)
      throw error
    }
  }

  #verified(token: string): VerifiedToken {
    const nowMs = this.#options.clock.wallMs()
    const verified =
      this.#verdicts === undefined ? this.#fresh(token, nowMs) : this.#cached(token, nowMs, this.#verdicts)
    this.#tally.accept(verified.header.kid, nowMs)
    return verified
  }

  #fresh(token: string, nowMs: number): VerifiedToken {
    const { algorithms, maxLength, expectation } = this.#options
    const verified = openJwt(token, this.#keysFor, algorithms, { ...expectation, nowMs }, maxLength)
    if (this.#deny.matches(verified.payload)) throw new VerifyError('token_denied')
    return verified
  }

  #cached(token: string, nowMs: number, verdicts: VerdictCache): VerifiedToken {
    const { trust, expectation } = this.#options
    const jwks = heldKeys(trust)
    // Without trust there is no key set that verdicts could rest on; what is wrong with the token is told all the same.
    if (jwks === undefined) return this.#fresh(token, nowMs)
    const { generation } = this.#deny
    const verdict = verdicts.get(token, jwks)
    // Which key signed is not remembered, and the token need not say it: where keys are denied, look again.
    const isOutdated = verdict !== undefined && verdict.denyGeneration !== generation
    if (verdict === undefined || (isOutdated && this.#deny.deniesKeys)) {
      return verdicts.add(token, this.#fresh(token, nowMs), jwks, generation)
    }
    const { header, payload } = verdict.token
    this.#refuseRevoked(header.kid)
    checkTimes(payload, { ...expectation, nowMs })
    if (isOutdated && this.#deny.matches(payload)) throw new VerifyError('token_denied')
    verdict.denyGeneration = generation
    return verdict.token
  }

  /** A denied key is left out, and not only where a token names it: whoever stole it can leave the `kid` out as well. */
  readonly #keysFor = (header: JwsHeader): Jwks => {
    this.#refuseRevoked(header.kid)
    const jwks = this.#options.trust.keys()
    if (!this.#deny.deniesKeys) return jwks
    const isAllowed = (kid: string) => !this.#deny.isKidDenied(kid)
    if (jwks instanceof SecretSet) return jwks.filter(isAllowed)
    return { keys: jwks.keys.filter((jwk) => typeof jwk?.kid !== 'string' || isAllowed(jwk.kid)) }
  }

  /** Before anything else is asked: a revocation is known for ever, with or without a lease. */
  #refuseRevoked(kid: string | undefined): void {
    if (kid === undefined) return
    if (this.#options.trust.isRevoked(kid) || this.#deny.isKidDenied(kid)) throw new VerifyError('key_revoked', { kid })
  }

  #refused(error: unknown): unknown {
    const explained = this.#explained(error)
    if (explained instanceof VerifyError) this.#tally.refuse(explained.code)
    return explained
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof VerifyError) || error.code !== 'key_unknown' || error.kid === undefined) return error
    const code = this.#options.trust.whyAbsent(error.kid)
    return code === 'key_unknown' ? error : new VerifyError(code, { kid: error.kid })
  }

  readonly #onDenyProblem = (error: VerifyError): void => this.#announce('problem', error)

  readonly #announce = <K extends keyof TrustEvents>(event: K, ...facts: TrustEvents[K]): void => {
    this.#tally.note(event, facts[0])
    process.nextTick(() => this.emit(event as keyof TrustEvents, ...(facts as never)))
  }
}

function heldKeys(trust: TrustSource): Jwks | undefined {
  try {
    return trust.keys()
  } catch (error) {
    if (error instanceof VerifyError) return undefined
    throw error
  }
}

const LOOK_AGAIN: readonly VerifyErrorCode[] = ['key_unknown', 'key_retired', 'trust_unavailable']

/** Unknown to us is not unknown to the issuer; nor is a key gone for ever that the newest answer left out. */
function keyMayHaveCome(error: unknown): error is VerifyError {
  return error instanceof VerifyError && LOOK_AGAIN.includes(error.code)
}

/**
 * Makes a {@link Verifier}. Call `start()` before the first token.
 * @throws {TypeError} for an option that is missing or of the wrong shape.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  return new Verifier(options)
}
