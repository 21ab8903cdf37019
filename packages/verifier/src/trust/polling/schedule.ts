import type { Cancel, Clock } from '../../clock.ts'

export interface ScheduleOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly refreshMs: number
  readonly coolDownMs: number
}

const RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000

/**
 * When to fetch next. Up to the first good answer the waiting keeps a process alive, because somebody waits for it to
 * start; from then on it does not: a program that has nothing else to do may end.
 */
export class Schedule {
  readonly #options: ScheduleOptions
  readonly #act: () => void
  #running = false
  #background = false
  #failures = 0
  #cancel: Cancel = () => {}

  constructor(options: ScheduleOptions, act: () => void) {
    this.#options = options
    this.#act = act
  }

  start(): void {
    this.#running = true
    this.#act()
  }

  stop(): void {
    this.#running = false
    this.#cancel()
  }

  /** Ahead of the time at which the set ought to be fetched. */
  afterGoodAnswer(freshForMs = Number.POSITIVE_INFINITY): void {
    const { refreshMs, coolDownMs, random } = this.#options
    this.#failures = 0
    this.#background = true
    // An issuer that shortens its max-age wants to be asked soon, but not without a pause.
    this.#arrange(Math.min(refreshMs, Math.max(coolDownMs, freshForMs)) * (1 - random() / 10))
  }

  /** Soon, then less and less soon, and never longer than a set would have been used anyway. */
  afterFailure(): void {
    const { refreshMs, random } = this.#options
    const longest = Math.min(LONGEST_RETRY_MS, refreshMs, RETRY_MS * 2 ** this.#failures++)
    this.#arrange(longest * (0.5 + random() / 2))
  }

  #arrange(delayMs: number): void {
    this.#cancel()
    if (this.#running) this.#cancel = this.#options.clock.after(delayMs, this.#act, this.#background)
  }
}
