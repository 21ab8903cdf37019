import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'

/** Long enough that nobody guesses it, and a purpose of its own should the secret serve for something else as well. */
const NONCE_BYTES = 16
const PURPOSE = 'DPoP-Nonce'

/**
 * Nonces that servers with the same secrets make and accept without telling each other (RFC 9449 §8): an HMAC over the
 * number of a time slot. One is accepted during its slot and the next; also the one before its slot, for a replica whose
 * clock is ahead.
 */
export class Nonces {
  readonly #secrets: readonly Uint8Array[]
  readonly #slotMs: number
  readonly #clock: Clock
  #slot = Number.NaN
  #accepted: readonly Buffer[] = []
  #newest = ''

  /** `secrets`: the newest first. `slotMs`: how often a nonce is replaced. */
  constructor(secrets: readonly Uint8Array[], slotMs: number, clock: Clock) {
    this.#secrets = secrets
    this.#slotMs = slotMs
    this.#clock = clock
  }

  current(): string {
    this.#turn()
    return this.#newest
  }

  accepts(nonce: string): boolean {
    this.#turn()
    const presented = Buffer.from(nonce)
    let found = false
    for (const one of this.#accepted) {
      if (presented.length === one.length && timingSafeEqual(presented, one)) found = true
    }
    return found
  }

  #turn(): void {
    const slot = Math.floor(this.#clock.wallMs() / this.#slotMs)
    if (slot === this.#slot) return
    this.#slot = slot
    this.#accepted = [slot, slot - 1, slot + 1].flatMap((one) => this.#secrets.map((secret) => nonceOf(secret, one)))
    this.#newest = String(this.#accepted[0])
  }
}

function nonceOf(secret: Uint8Array, slot: number): Buffer {
  const mac = createHmac('sha256', secret).update(`${PURPOSE} ${slot}`).digest()
  return Buffer.from(mac.subarray(0, NONCE_BYTES).toString('base64url'))
}
