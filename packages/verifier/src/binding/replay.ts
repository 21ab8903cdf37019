const SLOTS = 8

/**
 * Which proofs were used, each until it is too old to be used again. Bounded, and what it does when full is a choice:
 * forgetting the oldest would let a flood make room for a replay, so new proofs are refused instead. Only a proof that
 * belongs to a good token gets here, so only somebody with such tokens can fill it; limit the rate of those.
 *
 * Proofs are kept by when they end, not by when they came: a wall clock that was set back holds up nothing but the few
 * proofs of before.
 */
export class ReplayMemory {
  readonly #most: number
  readonly #slotMs: number
  readonly #slots = new Map<number, Set<string>>()
  #size = 0

  /** `spanMs`: the longest that a proof has to be remembered. */
  constructor(most: number, spanMs: number) {
    this.#most = most
    this.#slotMs = Math.max(1, Math.ceil(spanMs / SLOTS))
  }

  get size(): number {
    return this.#size
  }

  use(proof: string, untilMs: number, nowMs: number): 'new' | 'replayed' | 'full' {
    this.#forgetBefore(Math.floor(nowMs / this.#slotMs))
    for (const slot of this.#slots.values()) if (slot.has(proof)) return 'replayed'
    if (this.#size >= this.#most) return 'full'
    this.#size++
    const key = Math.floor(untilMs / this.#slotMs)
    const slot = this.#slots.get(key)
    if (slot === undefined) this.#slots.set(key, new Set([proof]))
    else slot.add(proof)
    return 'new'
  }

  #forgetBefore(first: number): void {
    for (const [key, slot] of this.#slots) {
      if (key >= first) continue
      this.#slots.delete(key)
      this.#size -= slot.size
    }
  }
}
