import type { Jwk } from '../keys/jwk.ts'

/** The members that make a key; all others only tell about it. */
const MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'k', 'pub'] as const

export const kidOf = (jwk: Jwk): string | undefined => (typeof jwk?.kid === 'string' ? jwk.kid : undefined)

/** What stands behind each kid: one text for each different key. */
export function materialByKid(keys: readonly Jwk[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const jwk of keys) {
    const kid = kidOf(jwk)
    if (kid === undefined) continue
    const texts = found.get(kid) ?? new Set()
    texts.add(JSON.stringify(MEMBERS.map((name) => (typeof jwk[name] === 'string' ? jwk[name] : null))))
    found.set(kid, texts)
  }
  return found
}
