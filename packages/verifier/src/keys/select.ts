import { VerifyError } from '../error.ts'
import type { Algorithm } from '../jws/algorithms.ts'
import { importedKey } from './cache.ts'
import type { ImportedKey } from './import.ts'
import type { Jwk, Jwks } from './jwk.ts'

/** What the JWK says of itself binds: its type and curve, and where present `alg`, `use` and `key_ops`. */
function fits(jwk: Jwk, algorithm: Algorithm): boolean {
  return (
    jwk.kty === algorithm.kty &&
    (algorithm.crv === undefined || jwk.crv === algorithm.crv) &&
    (jwk.alg === undefined || jwk.alg === algorithm.name) &&
    (jwk.use === undefined || jwk.use === 'sig') &&
    (jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
  )
}

/** The imported key, where the JWK may be used with that algorithm. */
export function usableKey(jwk: Jwk, algorithm: Algorithm): ImportedKey | undefined {
  if (!fits(jwk, algorithm)) return undefined
  const key = importedKey(jwk)
  return key !== undefined && key.bits >= algorithm.leastBits ? key : undefined
}

/**
 * The one key that may verify. A token that names a `kid` is only ever checked with a key of that id; one that names
 * none is checked if exactly one key of the whole set fits its algorithm. Two different keys that both fit are refused
 * in either case: an id used twice is a fault of the issuer, and trying them in turn would hide it.
 */
export function selectKey(jwks: Jwks, algorithm: Algorithm, kid: string | undefined): ImportedKey {
  let named = false
  let found: ImportedKey | undefined
  for (const jwk of jwks.keys) {
    if (jwk === null || typeof jwk !== 'object' || (kid !== undefined && jwk.kid !== kid)) continue
    named = true
    const key = usableKey(jwk, algorithm)
    if (key === undefined) continue
    if (found !== undefined && !found.object.equals(key.object)) throw new VerifyError('key_ambiguous', { kid })
    found = key
  }
  if (found !== undefined) return found
  throw new VerifyError(named && kid !== undefined ? 'key_unusable' : 'key_unknown', { kid })
}
