import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

/** A public JSON Web Key. */
export type Jwk = Readonly<Record<string, unknown>> & { readonly kid?: string | undefined }

/** A public JWK Set. */
export interface JwkSet {
  readonly keys: readonly Jwk[]
}

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
}

/** The thumbprint of RFC 7638; undefined for what is no public key of a known kind. */
export function thumbprintOf(jwk: Jwk): string | undefined {
  const names = REQUIRED[String(jwk.kty)]
  if (names === undefined || names.some((name) => typeof jwk[name] !== 'string')) return undefined
  const canonical = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])))
  return createHash('sha256').update(canonical).digest('base64url')
}

const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

/** The public half of a private key as it is registered, still without a kid; undefined for keys that cannot sign assertions. */
export function publicJwkOf(key: KeyObject): Jwk | undefined {
  if (!['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '')) return undefined
  // secp256k1 and the like have no JWK that identity providers take.
  const exported = key.asymmetricKeyType === 'ec' && !namedCurves.includes(key.asymmetricKeyDetails?.namedCurve ?? '')
  if (exported || (key.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048) return undefined
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  const alg = jwk.kty === 'RSA' ? 'RS256' : CURVES[jwk.crv ?? '']
  return { ...jwk, use: 'sig', alg }
}

const namedCurves = ['prime256v1', 'secp384r1', 'secp521r1']

/** The keys of a set; undefined for what is none. */
export function keysOf(set: unknown): readonly Jwk[] | undefined {
  const keys = (set as { keys?: unknown } | null | undefined)?.keys
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'object' && key !== null) : undefined
}
