import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Jwk } from '../../src/index.ts'

/** A real key that can sign, with the JWK its verifiers get. */
export interface SigningKey {
  readonly jwk: Jwk & { readonly kid: string }
  sign(input: string, options?: { der?: boolean; saltLength?: number }): Buffer
}

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function pairFor(algorithm: string, modulusLength: number): { privateKey: KeyObject; publicKey: KeyObject } {
  const namedCurve = CURVES[algorithm]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve })
  if (/^Ed/.test(algorithm)) return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength })
}

function hmacKey(algorithm: string, kid: string): SigningKey {
  const secret = randomBytes(Number(algorithm.slice(2)) / 8)
  const jwk = { kty: 'oct', k: secret.toString('base64url'), kid, alg: algorithm }
  return {
    jwk,
    sign: (input) =>
      createHmac(`sha${algorithm.slice(2)}`, secret)
        .update(input)
        .digest(),
  }
}

export function makeKey(algorithm: string, kid = `${algorithm}-1`, modulusLength = 2048): SigningKey {
  if (algorithm.startsWith('HS')) return hmacKey(algorithm, kid)
  const { privateKey, publicKey } = pairFor(algorithm, modulusLength)
  const digest = /^Ed/.test(algorithm) ? null : `sha${algorithm.slice(2)}`
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' } as SigningKey['jwk'],
    sign(input, { der = false, saltLength = Number(algorithm.slice(2)) / 8 } = {}) {
      const pss = algorithm.startsWith('PS') ? { padding: 6, saltLength } : {}
      return sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: der ? 'der' : 'ieee-p1363', ...pss })
    },
  }
}

/** A compact JWS; `header` adds to or overrides `alg` and `kid`. */
export function compact(key: SigningKey, payload: unknown, header: Record<string, unknown> = {}): string {
  const input = `${encode({ alg: key.jwk.alg, kid: key.jwk.kid, ...header })}.${encode(payload)}`
  return `${input}.${key.sign(input).toString('base64url')}`
}

export const NOW_MS = 1_800_000_000_000
export const ISSUER = 'https://idp.example.com'
export const AUDIENCE = 'urn:rekey:api'

/** Claims that are good at NOW_MS. */
export function goodClaims(): Record<string, unknown> {
  const seconds = NOW_MS / 1000
  return { iss: ISSUER, aud: AUDIENCE, sub: 'agent-1', iat: seconds, exp: seconds + 3600, jti: 'j-1' }
}

/** For `assert.throws`: a VerifyError with this code and nothing else. */
export function refused(code: string) {
  return (error: unknown): boolean => {
    if (error instanceof Error && error.name === 'VerifyError' && (error as { code?: string }).code === code)
      return true
    throw error
  }
}
