import type { World } from './world.ts'

/** Where the clocks of a simulated estate stand when it begins. */
export const startMs = Date.UTC(2026, 0, 1)

/** The two clocks of a machine: they run at a rate of their own, and the wall clock is off by some time and can be stepped. */
export class MachineClock {
  readonly #world: World
  readonly rate: number
  readonly #originMs: number
  #offsetMs: number

  constructor(world: World, given: { rate: number; offsetMs: number; originMs: number }) {
    this.#world = world
    this.rate = given.rate
    this.#offsetMs = given.offsetMs
    this.#originMs = given.originMs
  }

  /** Whole milliseconds, as `Date.now` gives them. */
  readonly wall = (): number => Math.floor(this.wallAt(this.#world.now))

  readonly monotonic = (): number => this.#originMs + this.#world.now * this.rate

  /** What the wall clock shows at a moment of true time, if it is not stepped. */
  wallAt(trueMs: number): number {
    return startMs + trueMs * this.rate + this.#offsetMs
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  step(toOffsetMs: number): void {
    this.#offsetMs = toOffsetMs
  }
}
