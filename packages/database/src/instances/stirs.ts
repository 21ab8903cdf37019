import type { After } from '../clock.ts'

/** How often a waiter looks again although nothing woke it. */
const recheckMs = 100

/** Wakes whoever waits for something to change. */
export class Stirs {
  readonly #after: After
  readonly #waiters = new Set<() => void>()

  constructor(after: After) {
    this.#after = after
  }

  wake(): void {
    for (const wake of this.#waiters) wake()
  }

  /** Resolves at the next `wake`, or after a moment. */
  async next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiters.add(resolve)
    const cancel = this.#after(recheckMs, resolve)
    await promise
    cancel()
    this.#waiters.delete(resolve)
  }
}
