import { forgetOldest } from '../bounded.ts'
import type { VerifyErrorCode } from '../error.ts'
import { importedKey } from '../keys/cache.ts'
import type { Jwk, Jwks } from '../keys/jwk.ts'
import { kidOf, materialByKid } from './key-material.ts'

/** What one change of the trust set did, by `kid`. */
export interface TrustChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly revoked: readonly string[]
}

/** How many withdrawn kids are remembered, in order to say "retired" instead of "unknown" and to notice their reuse. */
const REMEMBERED_RETIRED = 1000

/** Undefined for a key that is nested too deep to be written: it is garbage, and must spoil no other. */
function textOf(jwk: Jwk): string | undefined {
  try {
    return JSON.stringify(jwk)
  } catch (cause) {
    if (cause instanceof RangeError) return undefined
    throw cause
  }
}

/** The order says nothing: some issuers list their keys in another one each time. */
function areSame(a: readonly Jwk[], b: readonly Jwk[]): boolean {
  const known = new Set(b)
  return a.length === b.length && a.every((jwk) => known.has(jwk))
}

/**
 * The keys that are trusted now, and the kids that never will be again. A revoked kid is dropped from every set that
 * lists it, then and later: revocation has no way back.
 */
export class TrustSet {
  #jwks: Jwks = { keys: [] }
  #texts = new Map<string, Jwk>()
  #material = new Map<string, Set<string>>()
  readonly #revoked: Set<string>
  readonly #retired = new Map<string, Set<string>>()

  constructor(revokedKids: Iterable<string> = []) {
    this.#revoked = new Set(revokedKids)
  }

  /** The same object for as long as no key comes or goes. */
  get jwks(): Jwks {
    return this.#jwks
  }

  get kids(): string[] {
    return [...this.#material.keys()]
  }

  get revokedKids(): string[] {
    return [...this.#revoked]
  }

  isRevoked(kid: string): boolean {
    return this.#revoked.has(kid)
  }

  /** Why a kid is not in the set. */
  whyAbsent(kid: string): VerifyErrorCode {
    if (this.#revoked.has(kid)) return 'key_revoked'
    return this.#retired.has(kid) ? 'key_retired' : 'key_unknown'
  }

  /** The kids for which `keys` has a key that they never stood for, although they are or were in use. */
  reusedIn(keys: readonly Jwk[]): string[] {
    const reused: string[] = []
    for (const [kid, texts] of materialByKid(keys)) {
      const before = this.#material.get(kid) ?? this.#retired.get(kid)
      if (before !== undefined && [...texts].some((text) => !before.has(text))) reused.push(kid)
    }
    return reused
  }

  /** Whether these are just the keys that are held. */
  holds(keys: readonly Jwk[]): boolean {
    const texts = new Set(keys.map(textOf))
    return texts.size === this.#texts.size && [...this.#texts.keys()].every((text) => texts.has(text))
  }

  /** Replaces the keys (those given now are all there are) and adds revoked kids, both in one step. */
  apply(next: { keys?: readonly Jwk[] | undefined; revokedKids?: readonly string[] | undefined }): TrustChange {
    const before = this.#material
    const revoked = [...new Set(next.revokedKids ?? [])].filter((kid) => !this.#revoked.has(kid))
    for (const kid of revoked) this.#revoked.add(kid)
    this.#hold(next.keys ?? this.#jwks.keys)
    const after = this.#material
    const removed = [...before.keys()].filter((kid) => !after.has(kid))
    for (const kid of removed) this.#retired.set(kid, before.get(kid) as Set<string>)
    this.#forgetRetired()
    return { added: [...after.keys()].filter((kid) => !before.has(kid)), removed, revoked }
  }

  /** An unchanged key stays the same object, and a new one is imported now rather than under the first request. */
  #hold(keys: readonly Jwk[]): void {
    const texts = new Map<string, Jwk>()
    for (const jwk of keys) {
      if (jwk === null || typeof jwk !== 'object' || this.#revoked.has(kidOf(jwk) ?? '')) continue
      const text = textOf(jwk)
      if (text !== undefined) texts.set(text, this.#texts.get(text) ?? jwk)
    }
    this.#texts = texts
    const kept = [...texts.values()]
    if (areSame(kept, this.#jwks.keys)) return
    for (const jwk of kept) importedKey(jwk)
    this.#jwks = { keys: kept }
    this.#material = materialByKid(kept)
  }

  #forgetRetired(): void {
    for (const kid of this.#material.keys()) this.#retired.delete(kid)
    forgetOldest(this.#retired, REMEMBERED_RETIRED)
  }
}
