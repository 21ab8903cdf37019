import { type Clock, elapsedMs, type Moment } from '../../clock.ts'

/** What to do when the lease is over: refuse everything, or go on with what was known last, up to a hard ceiling. */
export type OnLeaseLost = 'fail-closed' | { readonly lastKnownGood: { readonly ceilingMs: number } }

interface Grant {
  readonly sent: Moment
  readonly leaseMs: number
}

/**
 * The issuer's promise that it will tell us of a revocation, or wait for us to be silent, before it calls a key dead.
 *
 * A lease runs from the moment at which the renewal that earned it was *sent*: the issuer counts from when it answered,
 * which is later, so that ours is always over first. It is over when either clock says so. Renewals may overlap: the
 * one sent last governs, in whatever order the answers arrive.
 */
export class Lease {
  readonly #clock: Clock
  readonly #ceilingMs: number
  #grant: Grant | undefined

  constructor(clock: Clock, onLeaseLost: OnLeaseLost) {
    this.#clock = clock
    this.#ceilingMs = onLeaseLost === 'fail-closed' ? 0 : onLeaseLost.lastKnownGood.ceilingMs
  }

  earn(sent: Moment, leaseMs: number): void {
    if (this.#grant === undefined || sent.monotonicMs >= this.#grant.sent.monotonicMs) this.#grant = { sent, leaseMs }
  }

  /** Milliseconds until the lease itself is over; 0 when it is. */
  get leftMs(): number {
    return this.#left((grant) => grant.leaseMs)
  }

  /** Milliseconds until tokens are refused: the lease, or the ceiling where that was chosen and is longer. */
  get trustLeftMs(): number {
    return this.#left((grant) => Math.max(grant.leaseMs, this.#ceilingMs))
  }

  /** Milliseconds since the renewal that earned the lease was sent. */
  get ageMs(): number | null {
    return this.#grant === undefined ? null : elapsedMs(this.#clock, this.#grant.sent)
  }

  #left(spanMs: (grant: Grant) => number): number {
    return this.#grant === undefined ? 0 : Math.max(0, spanMs(this.#grant) - elapsedMs(this.#clock, this.#grant.sent))
  }
}
