import type { VerifiedToken } from '../jwt/verify.ts'
import type { Jwks } from '../keys/jwk.ts'

/** A token that was found good, and what it was held against. */
export interface Verdict {
  readonly token: VerifiedToken
  /** Grows with the deny-list: a verdict is as old as the list that it was last held against. */
  denyGeneration: number
}

/** All the way down, because everybody who presents the same token is given the same objects. */
function freeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  return value
}

/**
 * Remembers which tokens carried a good signature and good claims, so that a token seen before costs no cryptography. It
 * remembers nothing about whether a token *is* good: time, lease, revocations and the deny-list are asked at every use.
 *
 * Verdicts rest on one key set. As soon as another one is trusted all of them are dropped, so that a withdrawn key takes
 * its tokens along. Bounded: of two halves the older one is dropped when the younger one is full.
 */
export class VerdictCache {
  readonly #half: number
  #young = new Map<string, Verdict>()
  #old = new Map<string, Verdict>()
  #jwks: Jwks | undefined
  #hits = 0
  #misses = 0

  /** @param maxEntries each costs about as much memory as its token and its claims */
  constructor(maxEntries: number) {
    this.#half = Math.ceil(maxEntries / 2)
  }

  get counts(): { hits: number; misses: number; entries: number } {
    return { hits: this.#hits, misses: this.#misses, entries: this.#young.size + this.#old.size }
  }

  /** @param jwks the key set that is trusted now */
  get(token: string, jwks: Jwks): Verdict | undefined {
    if (jwks !== this.#jwks) this.#restart(jwks)
    const verdict = this.#young.get(token) ?? this.#revived(token)
    if (verdict === undefined) this.#misses++
    else this.#hits++
    return verdict
  }

  /** The token is returned frozen. It is not kept where another key set has been trusted since it was looked for. */
  add(token: string, verified: VerifiedToken, jwks: Jwks, denyGeneration: number): VerifiedToken {
    freeze(verified)
    if (jwks === this.#jwks) this.#keep(token, { token: verified, denyGeneration })
    return verified
  }

  #revived(token: string): Verdict | undefined {
    const verdict = this.#old.get(token)
    if (verdict === undefined) return undefined
    this.#old.delete(token)
    this.#keep(token, verdict)
    return verdict
  }

  #keep(token: string, verdict: Verdict): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(token, verdict)
  }

  #restart(jwks: Jwks): void {
    this.#jwks = jwks
    this.#young = new Map()
    this.#old = new Map()
  }
}
