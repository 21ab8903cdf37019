import { type Cancel, type Clock, elapsedMs, type Moment, momentOf, systemClock } from '../clock.ts'
import { deferred } from '../deferred.ts'
import { VerifyError, type VerifyErrorCode } from '../error.ts'
import type { Jwks } from '../keys/jwk.ts'
import { trustworthyUrl } from './address.ts'
import { fetchJwks } from './jwks-endpoint.ts'
import { type TrustChange, TrustSet } from './set.ts'
import { announceChange, idleContext, type TrustContext, type TrustSnapshot, type TrustSource } from './source.ts'

/** Where the key set is, and how often and how long it may be used. */
export interface JwksPollingOptions {
  readonly jwksUri: string
  /**
   * How often the set is fetched, or sooner where the reply's max-age says so. Default 5 min; a fetch comes up to a tenth
   * early, drawn at random.
   */
  readonly refreshMs?: number
  /** How long a set is trusted after the fetch that brought it was sent, when every later one fails. Default 1 h. */
  readonly ceilingMs?: number
  /** Least time between two fetches that unknown kids can cause; failed fetches count too. Default 10 s. */
  readonly coolDownMs?: number
  /** Longest wait for one fetch. Default 5 s. */
  readonly timeoutMs?: number
  /** Largest reply that is read. Default 1 MiB. */
  readonly maxBytes?: number
  readonly fetch?: typeof globalThis.fetch
  readonly clock?: Clock
  readonly random?: () => number
  /** Lets the set be fetched over plain http beyond loopback, where anybody on the way decides what is trusted. */
  readonly dangerouslyAllowPlaintext?: boolean
}

const RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000

const DEFAULTS = { refreshMs: 300_000, ceilingMs: 3_600_000, coolDownMs: 10_000, timeoutMs: 5_000, maxBytes: 1_048_576 }

function checked(options: JwksPollingOptions) {
  const { fetch = globalThis.fetch, clock = systemClock, random = Math.random } = options
  const uri = trustworthyUrl('jwksUri', options.jwksUri, options.dangerouslyAllowPlaintext === true).href
  const limits = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isFinite(value) || value <= 0) throw new TypeError(`${name} must be a positive number`)
    limits[name] = value
  }
  if (limits.ceilingMs <= limits.refreshMs) throw new TypeError('ceilingMs must be longer than refreshMs')
  return { uri, fetch, clock, random, ...limits }
}

/**
 * Trust in an issuer that has nothing but a JWKS. The set is fetched ahead of time and replaced as a whole; while the
 * endpoint is down the last one is used, up to the ceiling. A key that was withdrawn stays trusted until the next fetch.
 */
class PolledTrust implements TrustSource {
  readonly #options: ReturnType<typeof checked>
  readonly #set = new TrustSet()
  readonly #first = deferred<void>()
  readonly #closing = new AbortController()
  #context: TrustContext = idleContext
  #started = false
  #fetched: Moment | undefined
  #lastAttempt: Moment | undefined
  #underWay: Promise<TrustChange> | undefined
  #failures = 0
  #lost = false
  #cancelNext: Cancel = () => {}
  #cancelWatch: Cancel = () => {}

  constructor(options: JwksPollingOptions) {
    this.#options = checked(options)
  }

  start(context: TrustContext): Promise<void> {
    if (!this.#started) {
      this.#started = true
      this.#context = context
      this.#refreshInBackground()
    }
    return this.#first.promise
  }

  keys(): Jwks {
    if (this.#leftMs === 0) throw new VerifyError('trust_unavailable')
    return this.#set.jwks
  }

  isRevoked(kid: string): boolean {
    return this.#set.isRevoked(kid)
  }

  whyAbsent(kid: string): VerifyErrorCode {
    return this.#set.whyAbsent(kid)
  }

  snapshot(): TrustSnapshot {
    const { kids, revokedKids } = this.#set
    const ageMs = this.#fetched === undefined ? null : elapsedMs(this.#options.clock, this.#fetched)
    return { held: this.#leftMs > 0, revision: null, kids, revokedKids, leaseLeftMs: this.#leftMs, ageMs }
  }

  /** One fetch at a time: whoever asks meanwhile gets the answer of the one under way. */
  refresh(): Promise<TrustChange> {
    this.#underWay ??= this.#fetchAndApply()
    return this.#underWay
  }

  async lookAgain(): Promise<boolean> {
    const { clock, coolDownMs } = this.#options
    const coolsDown = this.#lastAttempt !== undefined && elapsedMs(clock, this.#lastAttempt) < coolDownMs
    if (this.#underWay === undefined && coolsDown) return false
    try {
      await this.refresh()
      return true
    } catch (error) {
      if (error instanceof VerifyError) return false
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancelNext()
    this.#cancelWatch()
    // As for the feed: start() tells whoever waits.
    this.#first.promise.catch(() => {})
    this.#first.reject(new VerifyError('verifier_closed'))
  }

  get #leftMs(): number {
    if (this.#fetched === undefined || this.#closing.signal.aborted) return 0
    return Math.max(0, this.#options.ceilingMs - elapsedMs(this.#options.clock, this.#fetched))
  }

  async #fetchAndApply(): Promise<TrustChange> {
    const { uri, fetch, clock, timeoutMs, maxBytes } = this.#options
    const sent = momentOf(clock)
    this.#lastAttempt = sent
    const timeout = new AbortController()
    const cancel = clock.after(timeoutMs, () => timeout.abort())
    try {
      const signal = AbortSignal.any([timeout.signal, this.#closing.signal])
      const { keys, freshForMs = Number.POSITIVE_INFINITY } = await fetchJwks(uri, { fetch, signal, maxBytes })
      const change = this.#set.apply({ keys })
      this.#succeeded(sent, change, freshForMs)
      return change
    } catch (error) {
      this.#failed(error)
      throw error
    } finally {
      cancel()
      this.#underWay = undefined
    }
  }

  #succeeded(sent: Moment, change: TrustChange, freshForMs: number): void {
    this.#fetched = sent
    this.#failures = 0
    announceChange(this.#context.announce, change)
    if (this.#lost) this.#context.announce('leaseRegained')
    this.#lost = false
    this.#watchCeiling()
    const { refreshMs, coolDownMs, random } = this.#options
    // An issuer that shortens its max-age wants to be asked soon, but not without a pause.
    this.#arrange(Math.min(refreshMs, Math.max(coolDownMs, freshForMs)) * (1 - random() / 10))
    this.#first.resolve()
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return
    if (error instanceof VerifyError) this.#context.announce('problem', error)
    const longest = Math.min(LONGEST_RETRY_MS, this.#options.refreshMs, RETRY_MS * 2 ** this.#failures++)
    this.#arrange(longest * (0.5 + this.#options.random() / 2))
  }

  #arrange(delayMs: number): void {
    this.#cancelNext()
    if (!this.#started || this.#closing.signal.aborted) return
    this.#cancelNext = this.#options.clock.after(delayMs, () => this.#refreshInBackground())
  }

  #refreshInBackground(): void {
    this.refresh().catch((error: unknown) => {
      // A VerifyError was announced and the next attempt arranged where it happened; anything else is a defect.
      if (!(error instanceof VerifyError)) throw error
    })
  }

  #watchCeiling(): void {
    this.#cancelWatch()
    if (this.#closing.signal.aborted) return
    this.#cancelWatch = this.#options.clock.after(Math.ceil(this.#leftMs), () => {
      if (this.#leftMs > 0) return this.#watchCeiling()
      this.#lost = true
      this.#context.announce('leaseLost')
    })
  }
}

/**
 * Trust in an issuer that is not Rekey's, by fetching its JWKS. Source of `trust` for `createVerifier`; one source serves
 * one verifier.
 * @throws {TypeError} for an option that is missing or of the wrong shape.
 */
export function jwksPolling(options: JwksPollingOptions): TrustSource {
  return new PolledTrust(options ?? {})
}
