import { type ImportedKey, importKey } from './import.ts'
import type { Jwk } from './jwk.ts'

/** The members that make the key; `alg`, `use`, `key_ops` and `kid` are read anew at every use. */
interface Entry {
  readonly kty: unknown
  readonly crv: unknown
  readonly x: unknown
  readonly y: unknown
  readonly n: unknown
  readonly e: unknown
  readonly k: unknown
  readonly key: ImportedKey | undefined
}

const entries = new WeakMap<Jwk, Entry>()

/** An unchanged member is the same string object, so that comparing even a long modulus costs nothing. */
function isCurrent(entry: Entry, jwk: Jwk): boolean {
  return (
    entry.kty === jwk.kty &&
    entry.n === jwk.n &&
    entry.e === jwk.e &&
    entry.crv === jwk.crv &&
    entry.x === jwk.x &&
    entry.y === jwk.y &&
    entry.k === jwk.k
  )
}

/**
 * The imported key of a JWK, kept for as long as the JWK object lives. Importing costs as much as several
 * verifications. A JWK that was changed in place is imported again.
 */
export function importedKey(jwk: Jwk): ImportedKey | undefined {
  const entry = entries.get(jwk)
  if (entry !== undefined && isCurrent(entry, jwk)) return entry.key
  const { kty, crv, x, y, n, e, k } = jwk
  const key = importKey(jwk)
  entries.set(jwk, { kty, crv, x, y, n, e, k, key })
  return key
}
