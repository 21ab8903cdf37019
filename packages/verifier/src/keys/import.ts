import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { decodeStrict } from '../jws/base64url.ts'
import type { Jwk } from './jwk.ts'
import { isSmallOrder } from './small-order.ts'

/** A key ready to be used. `bits` is the size of an RSA modulus or of a shared secret, and 0 for curves. */
export interface ImportedKey {
  readonly object: KeyObject
  readonly bits: number
}

const COORDINATE_BYTES: ReadonlyMap<unknown, number> = new Map([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
])

function bytesOf(member: unknown): Buffer | undefined {
  return typeof member === 'string' && member !== '' ? decodeStrict(member) : undefined
}

/** RFC 7518 §6.2.1.2: coordinates have their full length. That the point is on the curve is checked by OpenSSL. */
function importEc(jwk: Jwk): ImportedKey | undefined {
  const { kty, crv, x, y } = jwk
  const size = COORDINATE_BYTES.get(crv)
  if (size === undefined || bytesOf(x)?.length !== size || bytesOf(y)?.length !== size) return undefined
  return { object: createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' }), bits: 0 }
}

function importOkp(jwk: Jwk): ImportedKey | undefined {
  const { kty, crv, x } = jwk
  const point = bytesOf(x)
  if (crv !== 'Ed25519' || point?.length !== 32 || isSmallOrder(point)) return undefined
  return { object: createPublicKey({ key: { kty, crv, x }, format: 'jwk' }), bits: 0 }
}

/** An exponent of 1 makes every message its own signature, and an even one is no RSA key at all. */
function importRsa(jwk: Jwk): ImportedKey | undefined {
  const { kty, n, e } = jwk
  if (bytesOf(n) === undefined || bytesOf(e) === undefined) return undefined
  const object = createPublicKey({ key: { kty, n, e }, format: 'jwk' })
  const { modulusLength = 0, publicExponent = 0n } = object.asymmetricKeyDetails ?? {}
  return publicExponent < 3n || publicExponent % 2n === 0n ? undefined : { object, bits: modulusLength }
}

function importOct(jwk: Jwk): ImportedKey | undefined {
  const secret = bytesOf(jwk.k)
  return secret && { object: createSecretKey(secret), bits: secret.length * 8 }
}

const IMPORTERS: ReadonlyMap<unknown, (jwk: Jwk) => ImportedKey | undefined> = new Map([
  ['EC', importEc],
  ['OKP', importOkp],
  ['RSA', importRsa],
  ['oct', importOct],
])

/** Imports the public (or shared) part of a JWK; undefined for a key that is of no use, so that it spoils no other. */
export function importKey(jwk: Jwk): ImportedKey | undefined {
  try {
    return IMPORTERS.get(jwk.kty)?.(jwk)
  } catch {
    // OpenSSL refused the numbers (a point off the curve, say): that key is unusable, which is what undefined says.
    return undefined
  }
}
