import type { VerifyErrorCode } from '../error.ts'
import { importedKey } from '../keys/cache.ts'
import type { Jwk, Jwks } from '../keys/jwk.ts'

/** What one change of the trust set did, by `kid`. */
export interface TrustChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly revoked: readonly string[]
}

/** How many withdrawn kids are remembered only in order to say "retired" instead of "unknown". */
const REMEMBERED_RETIRED = 1000

const kidOf = (jwk: Jwk): string | undefined => (typeof jwk.kid === 'string' ? jwk.kid : undefined)

/**
 * The keys that are trusted now, and the kids that never will be again. A revoked kid is dropped from every set that
 * lists it, then and later: revocation has no way back.
 */
export class TrustSet {
  #jwks: Jwks = { keys: [] }
  readonly #revoked: Set<string>
  readonly #retired = new Set<string>()

  constructor(revokedKids: Iterable<string> = []) {
    this.#revoked = new Set(revokedKids)
  }

  get jwks(): Jwks {
    return this.#jwks
  }

  get kids(): string[] {
    return [...new Set(this.#jwks.keys.map(kidOf).filter((kid) => kid !== undefined))]
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

  /** Replaces the keys (those given now are all there are) and adds revoked kids, both in one step. */
  apply(next: { keys?: readonly Jwk[] | undefined; revokedKids?: readonly string[] | undefined }): TrustChange {
    const before = this.kids
    const revoked = [...new Set(next.revokedKids ?? [])].filter((kid) => !this.#revoked.has(kid))
    for (const kid of revoked) this.#revoked.add(kid)
    this.#jwks = { keys: this.#withoutRevoked(next.keys ?? this.#jwks.keys) }
    const after = this.kids
    const removed = before.filter((kid) => !after.includes(kid))
    this.#rememberRetired(removed, after)
    return { added: after.filter((kid) => !before.includes(kid)), removed, revoked }
  }

  /** An unchanged key stays the same object, and a new one is imported now rather than under the first request. */
  #withoutRevoked(keys: readonly Jwk[]): Jwk[] {
    const known = new Map(this.#jwks.keys.map((jwk) => [JSON.stringify(jwk), jwk]))
    const kept = keys
      .filter((jwk) => jwk !== null && typeof jwk === 'object' && !this.#revoked.has(kidOf(jwk) ?? ''))
      .map((jwk) => known.get(JSON.stringify(jwk)) ?? jwk)
    for (const jwk of kept) importedKey(jwk)
    return kept
  }

  #rememberRetired(removed: readonly string[], present: readonly string[]): void {
    for (const kid of removed) this.#retired.add(kid)
    for (const kid of present) this.#retired.delete(kid)
    for (const kid of this.#retired) {
      if (this.#retired.size <= REMEMBERED_RETIRED) break
      this.#retired.delete(kid)
    }
  }
}
