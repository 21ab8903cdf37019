import { VerifyError } from '../error.ts'
import type { Algorithm } from '../jws/algorithms.ts'
import type { ImportedKey } from './import.ts'
import type { Jwk, Jwks } from './jwk.ts'
import { usableKey } from './select.ts'

/**
 * Shared secrets, the newest first. Unlike public keys they may be tried in turn: they come from the operator and not from an
 * issuer, mostly have no ids, and while they are rotated several are good at once.
 */
export class SecretSet implements Jwks {
  readonly keys: readonly Jwk[]
  readonly #named: boolean

  /** @param named whether issuers know the ids; otherwise what a token names says nothing */
  constructor(keys: readonly Jwk[], named: boolean) {
    this.keys = keys
    this.#named = named
  }

  /** The same without those that are not `wanted`, by their ids. */
  filter(wanted: (kid: string) => boolean): SecretSet {
    return new SecretSet(
      this.keys.filter(({ kid }) => kid === undefined || wanted(kid)),
      this.#named,
    )
  }

  /**
   * Whether one of the secrets that may have signed is found `good`. A token that names the `kid` of a named set is held
   * against that secret alone; every other token, against all.
   */
  some(algorithm: Algorithm, kid: string | undefined, good: (key: ImportedKey) => boolean): boolean {
    let named = false
    let usable = false
    for (const jwk of this.keys) {
      if (this.#named && kid !== undefined && jwk.kid !== kid) continue
      named = true
      const key = usableKey(jwk, algorithm)
      if (key === undefined) continue
      usable = true
      if (good(key)) return true
    }
    if (usable) return false
    throw new VerifyError(named ? 'key_unusable' : 'key_unknown', { kid })
  }
}
