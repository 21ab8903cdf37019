import { forgetOldest } from '../../bounded.ts'
import { type Clock, elapsedMs, type Moment, momentOf } from '../../clock.ts'

const REMEMBERED = 1_000
/** A longer kid is never remembered, so that strangers cannot fill memory; the cool-down holds for it all the same. */
const LONGEST_KID = 1_024

/** The kids that were asked for lately and that the issuer did not list. Bounded: the oldest is forgotten first. */
export class AbsentKids {
  readonly #clock: Clock
  readonly #rememberMs: number
  readonly #found = new Map<string, Moment>()

  constructor(clock: Clock, rememberMs: number) {
    this.#clock = clock
    this.#rememberMs = rememberMs
  }

  add(kid: string): void {
    if (kid.length > LONGEST_KID) return
    this.#found.delete(kid)
    this.#found.set(kid, momentOf(this.#clock))
    forgetOldest(this.#found, REMEMBERED)
  }

  has(kid: string): boolean {
    const found = this.#found.get(kid)
    if (found === undefined) return false
    if (elapsedMs(this.#clock, found) < this.#rememberMs) return true
    this.#found.delete(kid)
    return false
  }
}
