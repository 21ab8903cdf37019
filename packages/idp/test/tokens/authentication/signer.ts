/** A client that signs its assertions itself, as a test wants them. */
import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

export interface ClientPair {
  kid: string
  algorithm: 'ES256' | 'RS256'
  publicKey: KeyObject
  privateKey: KeyObject
}

export function newPair(kid: string, algorithm: ClientPair['algorithm'] = 'ES256'): ClientPair {
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, algorithm, ...pair }
}

export function jwkOf({ publicKey, kid, algorithm }: ClientPair) {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm }
}

/** What an assertion says when nothing is wrong with it. */
export function goodClaims(clientId: string, audience: unknown, now: number): Record<string, unknown> {
  const seconds = Math.floor(now / 1_000)
  return { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat: seconds, exp: seconds + 60 }
}

/** Signs by the key, whatever the header says. A member that is undefined is left out. */
export function signed(pair: ClientPair, claims: object, header: object = {}): string {
  const input = `${encode({ alg: pair.algorithm, kid: pair.kid, ...header })}.${encode(claims)}`
  const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

/** An HMAC by the public key, or no signature at all: what a verifier takes that believes the header. */
export function forged({ kid, publicKey }: ClientPair, claims: object, alg: 'HS256' | 'none'): string {
  if (alg === 'none') return `${encode({ alg, kid })}.${encode(claims)}.`
  return hmac(String(publicKey.export({ format: 'pem', type: 'spki' })), claims, { kid })
}

const hashes = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }

/** Signs by a secret (client_secret_jwt). */
export function hmac(secret: string, claims: object, header: object = {}, alg: keyof typeof hashes = 'HS256'): string {
  const input = `${encode({ alg, ...header })}.${encode(claims)}`
  return `${input}.${createHmac(hashes[alg], secret).update(input).digest('base64url')}`
}
