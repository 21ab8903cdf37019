import { elapsedMs, type Moment, momentOf } from '../../clock.ts'
import { deferred } from '../../deferred.ts'
import { VerifyError, type VerifyErrorCode } from '../../error.ts'
import type { Jwks } from '../../keys/jwk.ts'
import { SingleFlight } from '../../single-flight.ts'
import type { TrustChange } from '../set.ts'
import { assertOneVerifier, idleContext, type TrustContext, type TrustSnapshot, type TrustSource } from '../source.ts'
import { AbsentKids } from './absent-kids.ts'
import { fetchJwks } from './endpoint.ts'
import { PolledKeys } from './keys.ts'
import { checkedPollingOptions, type JwksPollingOptions } from './options.ts'
import { Schedule } from './schedule.ts'

/**
 * Trust in an issuer that has nothing but a JWKS. The set is fetched ahead of time and replaced as a whole; while the
 * endpoint is down the last one is used, up to the ceiling. A key that was withdrawn stays trusted until the next fetch.
 */
class PolledTrust implements TrustSource {
  readonly #options: ReturnType<typeof checkedPollingOptions>
  readonly #held: PolledKeys
  readonly #absent: AbsentKids
  readonly #schedule: Schedule
  readonly #flight = new SingleFlight(() => this.#ask())
  readonly #first = deferred<void>()
  readonly #closing = new AbortController()
  #context: TrustContext = idleContext
  #started = false
  /** Since when no unknown kid causes another fetch: the last one did, or was sent then and failed. */
  #coolingSince: Moment | undefined
  #newestFailed = false

  constructor(options: JwksPollingOptions) {
    this.#options = checkedPollingOptions(options)
    const { clock, unknownKidMs, ceilingMs } = this.#options
    this.#held = new PolledKeys(clock, ceilingMs, (event, ...facts) => this.#context.announce(event, ...facts))
    this.#absent = new AbsentKids(clock, unknownKidMs)
    this.#schedule = new Schedule(this.#options, () => this.#poll())
  }

  async start(context: TrustContext): Promise<void> {
    assertOneVerifier(this.#context, context)
    this.#context = context
    if (!this.#started) {
      this.#started = true
      this.#schedule.start()
    }
    await this.#first.promise
    // Whoever looks again from now on must not join the fetch that was just answered.
    await this.#flight.ended()
  }

  keys(): Jwks {
    return this.#held.jwks
  }

  isRevoked(kid: string): boolean {
    return this.#held.isRevoked(kid)
  }

  /** While the endpoint is down, a kid that was never seen may be a new key: whoever has it should come again. */
  whyAbsent(kid: string): VerifyErrorCode {
    const why = this.#held.whyAbsent(kid)
    const mayBeNew = why === 'key_unknown' && this.#newestFailed && !this.#absent.has(kid)
    return mayBeNew ? 'trust_unavailable' : why
  }

  snapshot(): TrustSnapshot {
    return this.#held.snapshot
  }

  refresh(): Promise<TrustChange> {
    return this.#flight.anew()
  }

  async lookAgain(kid: string | undefined): Promise<boolean> {
    if (this.#closing.signal.aborted) return false
    let joined = 0
    // The answer to what was under way may be older than the key. Then the next one tells, which another token may have begun.
    while (this.#flight.isUnderWay && joined < 2) {
      joined++
      if (!(await this.#isAnswered())) return false
      if (kid === undefined || this.#held.lists(kid)) return true
    }
    if (!this.#mayLookFor(kid)) return joined > 0
    this.#coolingSince = momentOf(this.#options.clock)
    if (!(await this.#isAnswered())) return false
    if (kid !== undefined && !this.#held.lists(kid)) this.#absent.add(kid)
    return true
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#schedule.stop()
    this.#held.stop()
    // As for the feed: start() tells whoever waits.
    this.#first.promise.catch(() => {})
    this.#first.reject(new VerifyError('verifier_closed'))
    await this.#flight.ended()
  }

  #mayLookFor(kid: string | undefined): boolean {
    if (kid !== undefined && this.#absent.has(kid)) return false
    const { clock, coolDownMs } = this.#options
    return this.#coolingSince === undefined || elapsedMs(clock, this.#coolingSince) >= coolDownMs
  }

  /** Joins the fetch that is under way, or begins one; whether a good answer came. */
  async #isAnswered(): Promise<boolean> {
    try {
      await this.#flight.join()
      return true
    } catch (error) {
      if (error instanceof VerifyError) return false
      throw error
    }
  }

  #poll(): void {
    // A failure was announced and the next attempt arranged where it happened.
    void this.#isAnswered()
  }

  async #ask(): Promise<TrustChange> {
    const sent = momentOf(this.#options.clock)
    try {
      const answer = await fetchJwks(this.#options, this.#closing.signal)
      const { change, usable } = this.#held.take(answer, sent, this.#context.algorithms)
      this.#newestFailed = false
      if (usable) this.#succeeded(answer.freshForMs)
      else this.#failed(new VerifyError('jwks_empty'), sent)
      return change
    } catch (error) {
      if (this.#closing.signal.aborted) throw new VerifyError('verifier_closed')
      this.#newestFailed = true
      this.#failed(error, sent)
      throw error
    }
  }

  #succeeded(freshForMs: number | undefined): void {
    this.#context.announce('asked', 'ok')
    this.#schedule.afterGoodAnswer(freshForMs)
    this.#first.resolve()
  }

  #failed(error: unknown, sent: Moment): void {
    this.#coolingSince = sent
    this.#schedule.afterFailure()
    if (!(error instanceof VerifyError)) return
    this.#context.announce('asked', error.code)
    this.#context.announce('problem', error)
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
