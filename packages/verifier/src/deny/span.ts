import { type Clock, type Moment, momentOf } from '../clock.ts'

/** Time as a deny-list counts it, in seconds since the Unix epoch, and the longest life of a token. */
export class Span {
  readonly longestTokenS: number
  readonly #clock: Clock
  readonly #begun: Moment

  constructor(clock: Clock, maxTokenLifetimeMs: number) {
    this.#clock = clock
    this.#begun = momentOf(clock)
    this.longestTokenS = Math.ceil(maxTokenLifetimeMs / 1000)
  }

  /**
   * Whether a moment is over by both clocks: a wall clock that is set ahead for a while must not have anything forgotten,
   * because that cannot be undone when it is set right.
   */
  isOver(untilS: number): boolean {
    return this.#clock.wallMs() >= untilS * 1000 && this.#countedMs() >= untilS * 1000
  }

  /** When the last token that exists by now has ended, by the clock that is ahead. */
  latestEnd(): number {
    return Math.ceil(Math.max(this.#clock.wallMs(), this.#countedMs()) / 1000) + this.longestTokenS
  }

  #countedMs(): number {
    return this.#begun.wallMs + this.#clock.monotonicMs() - this.#begun.monotonicMs
  }
}
