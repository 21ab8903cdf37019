import type { Cancel, Clock } from '../clock.ts'

/** Tells of trust that is lost in the moment in which it is over, and of trust that is held again. */
export class LeaseWatch {
  readonly #clock: Clock
  readonly #leftMs: () => number
  readonly #onTurn: (event: 'leaseLost' | 'leaseRegained') => void
  #lost = false
  #cancel: Cancel = () => {}

  /** @param leftMs how long it lasts if nothing more is heard, in milliseconds */
  constructor(clock: Clock, leftMs: () => number, onTurn: (event: 'leaseLost' | 'leaseRegained') => void) {
    this.#clock = clock
    this.#leftMs = leftMs
    this.#onTurn = onTurn
  }

  /** It is held now, for as long as is left. */
  held(): void {
    if (this.#lost) this.#onTurn('leaseRegained')
    this.#lost = false
    this.#watch()
  }

  /** It is over now. */
  lost(): void {
    this.#cancel()
    if (!this.#lost) this.#onTurn('leaseLost')
    this.#lost = true
  }

  stop(): void {
    this.#cancel()
  }

  #watch(): void {
    this.#cancel()
    const look = () => (this.#leftMs() > 0 ? this.#watch() : this.lost())
    this.#cancel = this.#clock.after(Math.ceil(this.#leftMs()), look, true)
  }
}
