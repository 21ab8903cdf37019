import { type Clock, elapsedMs, type Moment } from '../clock.ts'
import { LeaseWatch } from './lease-watch.ts'

/**
 * How long the last good answer counts: from when it was asked for up to a fixed age, and nothing but another one
 * prolongs it.
 */
export class Ceiling {
  readonly #clock: Clock
  readonly #ceilingMs: number
  readonly #watch: LeaseWatch
  #answered: Moment | undefined
  #holds = false

  constructor(clock: Clock, ceilingMs: number, onTurn: (event: 'leaseLost' | 'leaseRegained') => void) {
    this.#clock = clock
    this.#ceilingMs = ceilingMs
    this.#watch = new LeaseWatch(clock, () => this.leftMs, onTurn)
  }

  /** How long trust lasts if nothing more is heard, in milliseconds. */
  get leftMs(): number {
    return this.#holds ? Math.max(0, this.#ceilingMs - (this.ageMs ?? 0)) : 0
  }

  get ageMs(): number | null {
    return this.#answered === undefined ? null : elapsedMs(this.#clock, this.#answered)
  }

  /** A good answer: what it `holds` is trusted from then on, which may be nothing. */
  answered(asOf: Moment, holds: boolean): void {
    this.#answered = asOf
    const held = this.#holds
    this.#holds = holds
    if (this.leftMs > 0) this.#watch.held()
    else if (held) this.#watch.lost()
  }

  stop(): void {
    this.#holds = false
    this.#watch.stop()
  }
}
