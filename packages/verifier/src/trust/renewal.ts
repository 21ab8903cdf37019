import { type Cancel, type Clock, type Moment, momentOf } from '../clock.ts'
import { VerifyError } from '../error.ts'
import type { LeaseReply } from './issuer.ts'
import { compareRevisions } from './message.ts'
import type { Revision } from './source.ts'

export interface RenewalOptions {
  readonly clock: Clock
  /** The revision that may be acknowledged, once it is safe on disk; null while there is none. */
  readyToAcknowledge(): Promise<Revision | null>
  renew(held: Revision, signal: AbortSignal): Promise<LeaseReply>
  onEarned(sent: Moment, leaseMs: number): void
  /** The issuer has held something newer for a second, and it did not come. */
  onBehind(): void
  onProblem(error: VerifyError): void
}

const RENEW_EVERY_MS = 5_000
const RETRY_MS = 1_000
const TIMEOUT_MS = 5_000
/** However short a lease an issuer grants, it is not asked more often than this. */
const LEAST_PAUSE_MS = 100

type Outcome = { readonly nextMs: number; readonly behind: boolean }

/**
 * Renews the lease: every five seconds, a second after a failure, and at once when asked. Renewals may overlap (an
 * event arrives while one is under way); only the newest arranges what comes next, and each counts from its own sending.
 */
export class Renewal {
  readonly #options: RenewalOptions
  readonly #stopping = new AbortController()
  #newest = 0
  #cancelNext: Cancel = () => {}

  constructor(options: RenewalOptions) {
    this.#options = options
  }

  /** Renews now. Whatever was arranged for later is replaced. */
  now(): void {
    if (this.#stopping.signal.aborted) return
    this.#cancelNext()
    const attempt = ++this.#newest
    void this.#attempt().then((outcome) => {
      if (attempt !== this.#newest || this.#stopping.signal.aborted) return
      this.#cancelNext = this.#options.clock.after(outcome.nextMs, () => {
        if (outcome.behind) this.#options.onBehind()
        this.now()
      })
    })
  }

  stop(): void {
    this.#stopping.abort()
    this.#cancelNext()
  }

  async #attempt(): Promise<Outcome> {
    try {
      const held = await this.#options.readyToAcknowledge()
      if (held === null) return { nextMs: RETRY_MS, behind: false }
      const sent = momentOf(this.#options.clock)
      return this.#settle(held, sent, await this.#renewWithin(held))
    } catch (cause) {
      if (!this.#stopping.signal.aborted) {
        this.#options.onProblem(cause instanceof VerifyError ? cause : new VerifyError('lease_refused', { cause }))
      }
      return { nextMs: RETRY_MS, behind: false }
    }
  }

  #settle(held: Revision, sent: Moment, reply: LeaseReply): Outcome {
    if (reply.leaseMs === 0) return { nextMs: RETRY_MS, behind: true }
    // An issuer that knows less than we do cannot tell us what has been revoked: its promise is worth nothing.
    if (compareRevisions(reply, held) < 0) throw new VerifyError('revision_backwards', { detail: 'lease' })
    if (!this.#stopping.signal.aborted) this.#options.onEarned(sent, reply.leaseMs)
    const passed = this.#options.clock.monotonicMs() - sent.monotonicMs
    return { nextMs: Math.max(LEAST_PAUSE_MS, Math.min(RENEW_EVERY_MS, reply.leaseMs / 3) - passed), behind: false }
  }

  async #renewWithin(held: Revision): Promise<LeaseReply> {
    const timeout = new AbortController()
    const cancel = this.#options.clock.after(TIMEOUT_MS, () => timeout.abort())
    try {
      return await this.#options.renew(held, AbortSignal.any([timeout.signal, this.#stopping.signal]))
    } finally {
      cancel()
    }
  }
}
