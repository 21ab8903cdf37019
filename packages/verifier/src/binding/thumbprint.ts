import { createHash } from 'node:crypto'
import type { Jwk } from '../keys/jwk.ts'

/** RFC 7638 §3.2 and RFC 8037 §2: these members make a key, and are hashed in this order. */
const REQUIRED_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
])

/** The JWK reduced to the members that make it a public key; undefined where one is missing. */
export function publicMembers(jwk: Jwk): Jwk | undefined {
  const names = REQUIRED_MEMBERS.get(jwk.kty)
  if (!names?.every((name) => typeof jwk[name] === 'string')) return undefined
  return Object.fromEntries(names.map((name) => [name, jwk[name]]))
}

/** The thumbprint (RFC 7638, SHA-256) of what {@link publicMembers} returned. */
export function thumbprint(members: Jwk): string {
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}
