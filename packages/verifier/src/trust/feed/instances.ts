import type { Issuer } from './issuer.ts'

/** One stay with an instance: coming back to it later is another stay. */
export interface Stay {
  readonly issuer: Issuer
}

/**
 * The instances of one issuer, of which one is in use, by feed and lease alike. Whoever sees it fail goes on to the next
 * one; when both see it at the same moment, the second one finds it left already, and nobody skips an instance that works.
 */
export class Instances {
  readonly #issuers: readonly Issuer[]
  #index = 0
  #stay: Stay

  constructor(issuers: readonly [Issuer, ...Issuer[]]) {
    this.#issuers = issuers
    this.#stay = { issuer: issuers[0] }
  }

  get count(): number {
    return this.#issuers.length
  }

  get current(): Stay {
    return this.#stay
  }

  /** All of them, the one in use first. */
  get fromCurrent(): readonly Issuer[] {
    return [...this.#issuers.slice(this.#index), ...this.#issuers.slice(0, this.#index)]
  }

  /** Goes on to the next instance. False when that stay was over already, or when there is no other instance. */
  leave(stay: Stay): boolean {
    if (stay !== this.#stay || this.count === 1) return false
    this.#index = (this.#index + 1) % this.count
    this.#stay = { issuer: this.#issuers[this.#index] as Issuer }
    return true
  }
}
