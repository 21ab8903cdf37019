/** A token that the agent holds. */
export interface Held {
  token: string
  kid: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

// A token is let go before it can run out on its way.
const letGoBeforeMs = 3_000

/**
 * The tokens of an agent that keeps each until shortly before it expires. By turns it uses the freshest one, which
 * shows a key that was used too early, the oldest one, which shows a key that was dropped too early, and any.
 */
export class Wallet {
  readonly #random: () => number
  #held: Held[] = []
  #turn = 0

  constructor(random: () => number) {
    this.#random = random
  }

  add(token: string): Held {
    const held = { token, ...decodeUnverified(token) }
    this.#held.push(held)
    return held
  }

  /** Undefined while there is none. */
  next(nowMs: number): Held | undefined {
    this.#letGo(nowMs)
    this.#turn += 1
    if (this.#turn % 2 === 1) return this.#held.at(-1)
    if (this.#turn % 4 === 2) return this.#held[0]
    return this.#held[Math.floor(this.#random() * this.#held.length)]
  }

  /** Forgets every token that a key signed. */
  drop(kid: string): void {
    this.#held = this.#held.filter((held) => held.kid !== kid)
  }

  /** Whether any token by this key is still held. */
  holds(kid: string, nowMs: number): boolean {
    this.#letGo(nowMs)
    return this.#held.some((held) => held.kid === kid)
  }

  // In the order in which they came, which is the one in which they expire.
  #letGo(nowMs: number): void {
    const kept = this.#held.findIndex((held) => nowMs < held.expiresAt - letGoBeforeMs)
    if (kept !== 0) this.#held.splice(0, kept < 0 ? this.#held.length : kept)
  }
}

function decodeUnverified(token: string): { kid: string; expiresAt: number } {
  const [header, claims] = token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  return { kid: header.kid, expiresAt: claims.exp * 1_000 }
}
