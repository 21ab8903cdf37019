/** A token, and until when it must be accepted. */
export interface Held {
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** A token is sent for the last time so long before its end that the answer comes before it. */
const LAST_SENT_BEFORE_MS = 250

/**
 * The tokens that were issued and are not over. The freshest shows a key that is used too early, the oldest one that is
 * refused too early; so they are sent by turns.
 */
export class Tokens {
  #held: Held[] = []
  #turn = 0

  add(token: string): void {
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    this.#held.push({ token, expiresAt: (JSON.parse(claims) as { exp: number }).exp * 1_000 })
  }

  next(now: number): Held | undefined {
    this.#held = this.#held.filter(({ expiresAt }) => now < expiresAt - LAST_SENT_BEFORE_MS)
    this.#turn += 1
    return this.#turn % 2 === 0 ? this.#held[0] : this.#held.at(-1)
  }
}
