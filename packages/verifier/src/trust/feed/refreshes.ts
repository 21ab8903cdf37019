import type { Clock } from '../../clock.ts'
import { type Deferred, deferred } from '../../deferred.ts'
import { VerifyError } from '../../error.ts'
import { SingleFlight } from '../../single-flight.ts'
import type { TrustChange } from '../set.ts'

const TIMEOUT_MS = 10_000

/**
 * Refreshes of a feed, one at a time: each opens the feed anew, and one that did so while another waits for its answer would cut
 * that off, for ever where they come fast enough. All that are asked for meanwhile share the next one.
 */
export class Refreshes {
  readonly #clock: Clock
  readonly #reopen: () => void
  readonly #flight = new SingleFlight(() => this.#ask())
  #waiting: Deferred<TrustChange> | undefined
  #closed = false

  /** @param reopen has the whole set sent, by which it is {@link answered} */
  constructor(clock: Clock, reopen: () => void) {
    this.#clock = clock
    this.#reopen = reopen
  }

  /** @throws {VerifyError} `feed_failed` when no whole set came in time, `verifier_closed` */
  anew(): Promise<TrustChange> {
    return this.#flight.anew()
  }

  /** A whole set came, and did this. */
  answered(change: TrustChange): void {
    this.#waiting?.resolve(change)
  }

  close(): void {
    this.#closed = true
    this.#waiting?.reject(new VerifyError('verifier_closed'))
  }

  async #ask(): Promise<TrustChange> {
    if (this.#closed) throw new VerifyError('verifier_closed')
    const waiting = deferred<TrustChange>()
    this.#waiting = waiting
    const giveUp = () => waiting.reject(new VerifyError('feed_failed', { detail: 'no answer to a refresh' }))
    const cancel = this.#clock.after(TIMEOUT_MS, giveUp)
    this.#reopen()
    try {
      return await waiting.promise
    } finally {
      cancel()
      this.#waiting = undefined
    }
  }
}
