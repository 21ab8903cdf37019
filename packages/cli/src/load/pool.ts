import { decodeUnverified } from './kid.ts'

/** A token with what matters for choosing it. */
export interface Held {
  token: string
  kid: string
  /** Milliseconds since the Unix epoch. */
  expiresAt: number
}

// Enough of one key to see that age does not matter; a run issues hundreds of tokens a second.
const perKey = 32
// A token is dropped before it can run out on its way.
const dropBeforeMs = 5_000

/**
 * Tokens to send: the freshest one, and old ones of every key that signed since the start. A rotation that breaks old
 * tokens shows by these, one that is activated too early by the freshest.
 */
export class TokenPool {
  readonly #byKid = new Map<string, Held[]>()
  readonly #random: () => number
  #freshest: Held | undefined
  #turn = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** @returns what was taken in */
  add(token: string): Held {
    const held = { token, ...decodeUnverified(token) }
    const ofKey = this.#byKid.get(held.kid) ?? []
    this.#byKid.set(held.kid, ofKey)
    // The first ones stay as the oldest of their key; after that a place is taken at random.
    if (ofKey.length < perKey) ofKey.push(held)
    else ofKey[perKey / 2 + Math.floor((this.#random() * perKey) / 2)] = held
    this.#freshest = held
    return held
  }

  /** By turns the freshest token and an old one of any key. Undefined while there is none. */
  next(now: number): Held | undefined {
    this.#turn += 1
    if (this.#turn % 2 === 0 && this.#freshest && isGood(this.#freshest, now)) return this.#freshest
    return this.#anyOld(now)
  }

  /** Forgets every token of a key that was revoked. */
  drop(kid: string): void {
    this.#byKid.delete(kid)
    if (this.#freshest?.kid === kid) this.#freshest = undefined
  }

  /** The key that signed the freshest token. */
  get kid(): string | undefined {
    return this.#freshest?.kid
  }

  #anyOld(now: number): Held | undefined {
    const keys = [...this.#byKid.keys()]
    const kid = keys[Math.floor(this.#random() * keys.length)]
    if (kid === undefined) return undefined
    const good = (this.#byKid.get(kid) ?? []).filter((held) => isGood(held, now))
    if (good.length > 0) {
      this.#byKid.set(kid, good)
      return good[Math.floor(this.#random() * good.length)]
    }
    this.#byKid.delete(kid)
    return this.#anyOld(now)
  }
}

function isGood(held: Held, now: number): boolean {
  return now < held.expiresAt - dropBeforeMs
}
