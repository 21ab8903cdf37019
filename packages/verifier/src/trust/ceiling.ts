import { type Cancel, type Clock, elapsedMs, type Moment } from '../clock.ts'

/** How long the last good answer counts: from when it was asked for up to a fixed age, and nothing but another one prolongs it. */
export class Ceiling {
  readonly #clock: Clock
  readonly #ceilingMs: number
  readonly #onTurn: (event: 'leaseLost' | 'leaseRegained') => void
  #answered: Moment | undefined
  #holds = false
  #lost = false
  #cancelWatch: Cancel = () => {}

  constructor(clock: Clock, ceilingMs: number, onTurn: (event: 'leaseLost' | 'leaseRegained') => void) {
    this.#clock = clock
    this.#ceilingMs = ceilingMs
    this.#onTurn = onTurn
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
    if (this.leftMs > 0) this.#regain()
    else if (held) this.#lose()
  }

  stop(): void {
    this.#holds = false
    this.#cancelWatch()
  }

  #regain(): void {
    if (this.#lost) this.#onTurn('leaseRegained')
    this.#lost = false
    this.#watch()
  }

  #lose(): void {
    this.#cancelWatch()
    if (!this.#lost) this.#onTurn('leaseLost')
    this.#lost = true
  }

  #watch(): void {
    this.#cancelWatch()
    const look = () => (this.leftMs > 0 ? this.#watch() : this.#lose())
    this.#cancelWatch = this.#clock.after(Math.ceil(this.leftMs), look, true)
  }
}
