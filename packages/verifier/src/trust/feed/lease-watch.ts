import type { Cancel, Clock } from '../../clock.ts'
import type { Lease } from './lease.ts'

/** Tells of a lease that is lost in the moment in which it is over, and of one that is held again. */
export class LeaseWatch {
  readonly #clock: Clock
  readonly #lease: Lease
  readonly #onTurn: (event: 'leaseLost' | 'leaseRegained') => void
  #lost = false
  #cancel: Cancel = () => {}

  constructor(clock: Clock, lease: Lease, onTurn: (event: 'leaseLost' | 'leaseRegained') => void) {
    this.#clock = clock
    this.#lease = lease
    this.#onTurn = onTurn
  }

  /** The lease has been renewed, and is held now. */
  renewed(): void {
    if (this.#lost) this.#onTurn('leaseRegained')
    this.#lost = false
    this.#watch()
  }

  stop(): void {
    this.#cancel()
  }

  #watch(): void {
    this.#cancel()
    this.#cancel = this.#clock.after(Math.ceil(this.#lease.leftMs), () => {
      if (this.#lease.leftMs > 0) return this.#watch()
      this.#lost = true
      this.#onTurn('leaseLost')
    })
  }
}
