import { attemptWithin } from '../../abort.ts'
import { type Cancel, type Clock, type Moment, momentOf } from '../../clock.ts'
import { VerifyError } from '../../error.ts'
import type { Revision } from '../source.ts'
import type { Instances, Stay } from './instances.ts'
import type { Acknowledgement, LeaseReply } from './issuer.ts'
import { compareRevisions } from './message.ts'

export interface RenewalOptions {
  readonly clock: Clock
  readonly instances: Instances
  /** The revision that may be acknowledged, once it is safe on disk; null while there is none. */
  readyToAcknowledge(): Promise<Revision | null>
  acknowledgement(): Acknowledgement
  onEarned(sent: Moment, leaseMs: number): void
  /** The issuer has held something newer for a second, and it did not come. */
  onBehind(): void
  /** An instance refused, did not answer in time, or goes on telling of something newer that never comes. */
  onFailed(stay: Stay): void
  onProblem(error: VerifyError): void
}

const RENEW_EVERY_MS = 5_000
const RETRY_MS = 1_000
const TIMEOUT_MS = 5_000
const LEAST_PATIENCE_MS = 1_000
/** An instance that says for this long that we are behind, and sends nothing, is cut off itself. */
const BEHIND_PATIENCE_MS = 3_000
/** However short a lease an issuer grants, it is not asked more often than this. */
const LEAST_PAUSE_MS = 100

type Outcome = { readonly nextMs: number; readonly behind: boolean }

/**
 * Renews the lease: every five seconds, a second after a failure, and at once when asked. Renewals may overlap (an
 * event arrives while one is under way); only the newest arranges what comes next, and each counts from its own sending.
 *
 * Where there are several instances, one that fails is followed by the next without that second, until each was asked
 * once. One that does not answer is given up only after 5 s, because a slow answer still counts; but the next one is asked
 * so much earlier that a whole round fits into these 5 s. So within a lease of 15 s, of which 5 s have passed when it is to be
 * renewed, each instance is asked twice.
 */
export class Renewal {
  readonly #options: RenewalOptions
  readonly #stopping = new AbortController()
  readonly #patienceMs: number
  #newest = 0
  #failures = 0
  #behindSinceMs: number | undefined
  /** When the next renewal is arranged for, by the monotonic clock. */
  #nextAtMs = Number.POSITIVE_INFINITY
  #cancelNext: Cancel = () => {}

  constructor(options: RenewalOptions) {
    this.#options = options
    this.#patienceMs = Math.max(LEAST_PATIENCE_MS, TIMEOUT_MS / options.instances.count)
  }

  /** Renews now. Whatever was arranged for later is replaced. */
  now(): void {
    if (this.#stopping.signal.aborted) return
    this.#cancelNext()
    this.#nextAtMs = Number.POSITIVE_INFINITY
    const attempt = ++this.#newest
    void this.#attempt(attempt).then((outcome) => {
      if (attempt !== this.#newest || this.#stopping.signal.aborted) return
      this.#arrange(outcome.nextMs, () => {
        if (outcome.behind) this.#options.onBehind()
        this.now()
      })
    })
  }

  /**
   * Renews in a while. What is arranged for earlier stays, and acknowledges what is held by then: however many events come,
   * none puts it off.
   */
  after(delayMs: number): void {
    if (delayMs === 0) this.now()
    else if (!this.#stopping.signal.aborted && this.#nextAtMs > this.#options.clock.monotonicMs() + delayMs) {
      // Whatever is under way acknowledges less than is held now: what comes next is arranged here.
      this.#newest += 1
      this.#arrange(delayMs, () => this.now())
    }
  }

  stop(): void {
    this.#stopping.abort()
    this.#cancelNext()
  }

  #arrange(delayMs: number, act: () => void): void {
    this.#cancelNext()
    this.#nextAtMs = this.#options.clock.monotonicMs() + delayMs
    this.#cancelNext = this.#options.clock.after(delayMs, act)
  }

  async #attempt(attempt: number): Promise<Outcome> {
    try {
      const held = await this.#options.readyToAcknowledge()
      if (held !== null) return await this.#ask(this.#options.instances.current, held, attempt)
    } catch (cause) {
      this.#report(cause)
    }
    return { nextMs: RETRY_MS, behind: false }
  }

  async #ask(stay: Stay, held: Revision, attempt: number): Promise<Outcome> {
    const sent = momentOf(this.#options.clock)
    try {
      const reply = await this.#renewWithin(stay, held, attempt)
      if (reply.leaseMs === 0) return this.#behind(stay)
      return this.#granted(held, sent, reply)
    } catch (cause) {
      if (this.#stopping.signal.aborted) return { nextMs: RETRY_MS, behind: false }
      this.#report(cause)
      this.#options.onFailed(stay)
      const roundIsOver = ++this.#failures % this.#options.instances.count === 0
      return { nextMs: roundIsOver ? RETRY_MS : LEAST_PAUSE_MS, behind: false }
    }
  }

  #granted(held: Revision, sent: Moment, reply: LeaseReply): Outcome {
    // An issuer that knows less than we do cannot tell us what has been revoked: its promise is worth nothing.
    if (compareRevisions(reply, held) < 0) throw new VerifyError('revision_backwards', { detail: 'lease' })
    this.#failures = 0
    this.#behindSinceMs = undefined
    if (!this.#stopping.signal.aborted) this.#options.onEarned(sent, reply.leaseMs)
    const passed = this.#options.clock.monotonicMs() - sent.monotonicMs
    return { nextMs: Math.max(LEAST_PAUSE_MS, Math.min(RENEW_EVERY_MS, reply.leaseMs / 3) - passed), behind: false }
  }

  #behind(stay: Stay): Outcome {
    const nowMs = this.#options.clock.monotonicMs()
    this.#behindSinceMs ??= nowMs
    if (nowMs - this.#behindSinceMs < BEHIND_PATIENCE_MS) return { nextMs: RETRY_MS, behind: true }
    this.#behindSinceMs = undefined
    this.#options.onFailed(stay)
    return { nextMs: RETRY_MS, behind: true }
  }

  async #renewWithin(stay: Stay, held: Revision, attempt: number): Promise<LeaseReply> {
    const { clock } = this.#options
    const request = attemptWithin(this.#stopping.signal)
    const cancelTimeout = clock.after(TIMEOUT_MS, request.abort)
    const cancelPatience = clock.after(this.#patienceMs, () => this.#askAnother(stay, attempt))
    try {
      return await stay.issuer.renew(held, this.#options.acknowledgement(), request.signal)
    } finally {
      request.over()
      cancelTimeout()
      cancelPatience()
    }
  }

  /** Where the one that is silent is the only one, there is nobody to ask, and the timeout decides. */
  #askAnother(stay: Stay, attempt: number): void {
    if (this.#stopping.signal.aborted || this.#options.instances.count === 1) return
    this.#options.onFailed(stay)
    if (attempt === this.#newest) this.now()
  }

  #report(cause: unknown): void {
    if (this.#stopping.signal.aborted) return
    this.#options.onProblem(cause instanceof VerifyError ? cause : new VerifyError('lease_refused', { cause }))
  }
}
