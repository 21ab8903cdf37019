import type { Clock } from '../../src/index.ts'

interface Timer {
  readonly dueMs: number
  readonly act: () => void
}

/** A clock that stands still until it is told otherwise. */
export class HandClock implements Clock {
  #wallMs: number
  #monotonicMs = 1000
  #timers: Timer[] = []

  constructor(wallMs: number) {
    this.#wallMs = wallMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  /** How many timers are neither over nor cancelled. */
  get pending(): number {
    return this.#timers.length
  }

  after(delayMs: number, act: () => void) {
    const timer = { dueMs: this.#monotonicMs + delayMs, act }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Lets time pass on both clocks and runs what became due, in order. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms
    for (;;) {
      const next = this.#timers.filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#move(Math.max(0, next.dueMs - this.#monotonicMs))
      this.#timers = this.#timers.filter((other) => other !== next)
      next.act()
    }
    this.#move(endMs - this.#monotonicMs)
  }

  /** Sets the wall clock alone: somebody set it, or the machine was suspended. */
  jumpWall(ms: number): void {
    this.#wallMs += ms
  }

  #move(ms: number): void {
    this.#wallMs += ms
    this.#monotonicMs += ms
  }
}
