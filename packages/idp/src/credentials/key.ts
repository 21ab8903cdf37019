import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto'
import { IdpError } from '../error.ts'
import { isOfSmallOrder } from './small-order.ts'

/** Which algorithms a key may sign assertions with, the usual one first, and the members that make it (RFC 7638 §3.2). */
const sorts: ReadonlyMap<unknown, { algorithms: readonly string[]; members: readonly string[] }> = new Map(
  Object.entries({
    'P-256': { algorithms: ['ES256'], members: ['crv', 'kty', 'x', 'y'] },
    'P-384': { algorithms: ['ES384'], members: ['crv', 'kty', 'x', 'y'] },
    'P-521': { algorithms: ['ES512'], members: ['crv', 'kty', 'x', 'y'] },
    Ed25519: { algorithms: ['EdDSA', 'Ed25519'], members: ['crv', 'kty', 'x'] },
    RSA: { algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], members: ['e', 'kty', 'n'] },
  }),
)

/** All of them. */
export const clientKeyAlgorithms: readonly string[] = [...sorts.values()].flatMap(({ algorithms }) => algorithms)

export const leastRsaBits = 2_048
export const mostRsaBits = 4_096
/** An exponent may be as long as the modulus; each verification would take a hundred times as long then. */
const mostRsaExponent = 2n ** 32n
/** Members of a private or secret JWK (RFC 7518 §6). */
export const privateMembers: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** The public key of a client as it is stored: its members, the algorithm that it signs with, and the name it goes by. */
export interface ClientJwk extends JsonWebKey {
  kid: string
  alg: string
}

/**
 * Reads a public key that a client is to sign assertions with.
 *
 * @param jwk as the caller sent it; without `kid` it is named by its thumbprint, without `alg` it signs by the usual one
 * @throws IdpError `INVALID_REQUEST` for what is no such key, a private one above all
 */
export function readClientJwk(jwk: Readonly<Record<string, unknown>>): ClientJwk {
  if (privateMembers.some((name) => name in jwk)) throw refused('this is a private key; keep it, and make another')
  const sort = sortOf(jwk)
  if (!sort) throw refused('use EC (P-256, P-384, P-521), OKP (Ed25519) or RSA')
  const members = Object.fromEntries(sort.members.map((name) => [name, jwk[name]])) as JsonWebKey
  requireForSignatures(jwk)
  const key = imported(members)
  requireStrength(key)
  // As OpenSSL writes it: of several spellings of one key only one is stored.
  const exported = key.export({ format: 'jwk' })
  if (exported.crv === 'Ed25519' && isOfSmallOrder(Buffer.from(exported.x ?? '', 'base64url'))) {
    throw refused('its point is of small order: anybody could sign for it')
  }
  const alg = jwk.alg ?? sort.algorithms[0]
  if (typeof alg !== 'string' || !sort.algorithms.includes(alg)) throw refused('alg does not fit the key')
  return { ...exported, kid: kidOf(jwk.kid, thumbprintOf(exported)), alg }
}

/** RFC 7638, SHA-256. */
export function thumbprintOf(jwk: JsonWebKey): string {
  return hash('sha256', JSON.stringify(membersOf(jwk)), 'base64url')
}

/** What makes the key, in the order of RFC 7638. */
export function membersOf(jwk: JsonWebKey): JsonWebKey {
  return Object.fromEntries((sortOf(jwk)?.members ?? []).map((name) => [name, jwk[name]]))
}

function sortOf(jwk: Readonly<Record<string, unknown>> | JsonWebKey) {
  return sorts.get(jwk.kty === 'RSA' ? 'RSA' : jwk.crv)
}

/** RFC 7517 §4.2 and §4.3: a public key that is said to be for something else is not meant for us. */
function requireForSignatures({ use, key_ops: operations }: Readonly<Record<string, unknown>>): void {
  if (use !== undefined && use !== 'sig') throw refused('its use is not sig')
  if (operations === undefined || (Array.isArray(operations) && operations.includes('verify'))) return
  throw refused('its key_ops do not have verify')
}

function imported(members: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: members, format: 'jwk' })
  } catch (cause) {
    throw new IdpError('INVALID_REQUEST', 'jwk: its numbers make no public key', { cause })
  }
}

/** An exponent of 1 makes every message its own signature. */
function requireStrength(key: KeyObject): void {
  if (key.asymmetricKeyType !== 'rsa') return
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < leastRsaBits || modulusLength > mostRsaBits) throw refused('RSA keys have 2048 to 4096 bits')
  if (publicExponent < 3n || publicExponent % 2n === 0n) throw refused('its exponent is that of no RSA key')
  if (publicExponent > mostRsaExponent) throw refused('its exponent has more than 32 bits; 65537 is usual')
}

function kidOf(kid: unknown, thumbprint: string): string {
  if (kid === undefined) return thumbprint
  if (typeof kid === 'string' && /^[\x21-\x7e]{1,200}$/.test(kid)) return kid
  throw refused('kid must be 1 to 200 visible characters of ASCII')
}

function refused(why: string): IdpError {
  return new IdpError('INVALID_REQUEST', `jwk: ${why}`)
}
