import { EventQueue } from './queue.ts'
import { type Random, randomFrom } from './random.ts'

/** Calls off what was arranged; harmless when it already happened. */
export type Cancel = () => void

/** Runs after everything that a real process does by itself when an event reaches it: microtasks and next ticks. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * Virtual time and one queue of everything that is going to happen. Nothing in a simulation happens outside of it, and what
 * happens at the same moment happens in an order drawn from the seed: a seed is a whole history, and replays as it was.
 */
export class World {
  readonly random: Random
  readonly #queue: EventQueue
  readonly #counts = new Map<string, number>()
  readonly #lines: string[] | undefined
  #now = 0
  #trace = 0
  #violation: Error | undefined

  constructor(seed: number, keepLog: boolean) {
    this.random = randomFrom(seed)
    this.#queue = new EventQueue(this.random.fork())
    this.#lines = keepLog ? [] : undefined
  }

  /** True time, in milliseconds since the beginning. No process can read it. */
  get now(): number {
    return this.#now
  }

  /** Arranges something. `real`: it wakes code under test, which must come to rest before the next event. */
  at(delayMs: number, act: () => void, real = true): Cancel {
    return this.#queue.add(this.#now + Math.max(0, delayMs), act, real)
  }

  /** Runs until a moment, or until something was violated. */
  async runUntil(untilMs: number, afterEach: () => void): Promise<void> {
    for (let event = this.#queue.next(untilMs); event && !this.#violation; event = this.#queue.next(untilMs)) {
      this.#now = event.atMs
      event.act()
      if (event.real) await settle()
      afterEach()
    }
    this.#now = Math.max(this.#now, untilMs)
  }

  /** One line of history, for a replay; a number of it goes into the trace in any case. */
  log(line: () => string): void {
    this.#lines?.push(`${this.#now.toFixed(3).padStart(12)}  ${line()}`)
  }

  /** Something that must be seen to happen in some seed: a kind of fault, a step, an act. */
  count(label: string): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1)
    this.#trace = (Math.imul(this.#trace, 31) + label.length + Math.floor(this.#now * 1_000)) | 0
    this.log(() => label)
  }

  /** Kept and not thrown: the code under test must not be able to catch it. */
  violated(message: string): void {
    if (this.#violation) return
    this.#violation = new Error(message)
    this.log(() => `VIOLATED: ${message}`)
  }

  get violation(): Error | undefined {
    return this.#violation
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  get lines(): readonly string[] {
    return this.#lines ?? []
  }

  /** Two runs of a seed that differ in what happened, or when, differ in this number. */
  get trace(): number {
    return this.#trace
  }
}
