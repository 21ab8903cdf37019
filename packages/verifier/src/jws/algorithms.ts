import { constants, createHmac, timingSafeEqual, verify } from 'node:crypto'
import type { ImportedKey } from '../keys/import.ts'
import { derFromRaw } from './der.ts'

/** One row of the table: which keys an algorithm may be used with, and how its signature is checked. */
export interface Algorithm {
  readonly name: string
  readonly kty: 'EC' | 'RSA' | 'OKP' | 'oct'
  readonly crv?: string
  /** Smallest size of the key, in bits. */
  readonly leastBits: number
  check(input: Uint8Array, key: ImportedKey, signature: Uint8Array): boolean
}

function ecdsa(name: string, crv: string, digest: string, orderHex: string): Algorithm {
  const order = Buffer.from(orderHex, 'hex')
  return {
    name,
    kty: 'EC',
    crv,
    leastBits: 0,
    check(input, key, signature) {
      const der = derFromRaw(signature, order)
      return der !== undefined && verify(digest, input, key.object, der)
    },
  }
}

function rsa(name: string, digest: string): Algorithm {
  return {
    name,
    kty: 'RSA',
    leastBits: 2048,
    check: (input, key, signature) =>
      signature.length === Math.ceil(key.bits / 8) && verify(digest, input, key.object, signature),
  }
}

/** RFC 7518 §3.5: the salt is as long as the digest; left to itself OpenSSL would take any length. */
function rsaPss(name: string, digest: string): Algorithm {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return {
    name,
    kty: 'RSA',
    leastBits: 2048,
    check: (input, key, signature) =>
      signature.length === Math.ceil(key.bits / 8) && verify(digest, input, { key: key.object, ...pss }, signature),
  }
}

function ed25519(name: string): Algorithm {
  return {
    name,
    kty: 'OKP',
    crv: 'Ed25519',
    leastBits: 0,
    check: (input, key, signature) => signature.length === 64 && verify(null, input, key.object, signature),
  }
}

/** RFC 7518 §3.2: the secret is at least as long as the digest. */
function hmac(name: string, digest: string, bits: number): Algorithm {
  return {
    name,
    kty: 'oct',
    leastBits: bits,
    check(input, key, signature) {
      const expected = createHmac(digest, key.object).update(input).digest()
      return signature.length === expected.length && timingSafeEqual(signature, expected)
    },
  }
}

const P256 = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
const P384 = 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'
const P521 = `01${'ff'.repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`

const ROWS: readonly Algorithm[] = [
  ecdsa('ES256', 'P-256', 'sha256', P256),
  ecdsa('ES384', 'P-384', 'sha384', P384),
  ecdsa('ES512', 'P-521', 'sha512', P521),
  rsa('RS256', 'sha256'),
  rsa('RS384', 'sha384'),
  rsa('RS512', 'sha512'),
  rsaPss('PS256', 'sha256'),
  rsaPss('PS384', 'sha384'),
  rsaPss('PS512', 'sha512'),
  ed25519('EdDSA'),
  ed25519('Ed25519'),
  hmac('HS256', 'sha256', 256),
  hmac('HS384', 'sha384', 384),
  hmac('HS512', 'sha512', 512),
]

/** A Map, not an object: `constructor` or `__proto__` in a header must find nothing. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(ROWS.map((row) => [row.name, row]))

/** Whatever a JWKS may hold keys for: none of these is weak. */
export const PUBLIC_KEY_ALGORITHMS = ROWS.filter(({ kty }) => kty !== 'oct').map(({ name }) => name)

/** The row for a name; undefined where there is no such algorithm. */
export function algorithmNamed(name: string): Algorithm | undefined {
  return ALGORITHMS.get(name)
}

/** Whether tokens of that algorithm are verified by a secret that their issuer shares. */
export function isSharedSecretAlgorithm(name: string): boolean {
  return ALGORITHMS.get(name)?.kty === 'oct'
}

/**
 * The row for `name`, if the list allows it. A shared secret is only ever used where nothing but HS* is allowed:
 * whoever mixes the families in one list gets the asymmetric ones alone.
 */
export function allowedAlgorithm(name: string, allowed: readonly string[]): Algorithm | undefined {
  if (!allowed.includes(name)) return undefined
  const row = ALGORITHMS.get(name)
  return row?.kty === 'oct' && !allowed.every(isSharedSecretAlgorithm) ? undefined : row
}
