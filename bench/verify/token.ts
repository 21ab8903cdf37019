import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Jwk } from '@rekey/verifier'

export type AlgorithmName = 'ES256' | 'RS256' | 'Ed25519'

/** One token and everything that the contestants need in order to verify it, each in the form it likes best. */
export interface Sample {
  readonly algorithm: AlgorithmName
  readonly token: string
  readonly publicKey: KeyObject
  readonly jwk: Jwk & { kid: string }
  readonly signingInput: Buffer
  /** As `crypto.verify` takes it for a plain KeyObject: DER for ES256. */
  readonly signature: Buffer
  readonly issuer: string
  readonly audience: string
}

const ISSUER = 'https://idp.example.com'
const AUDIENCE = 'urn:rekey:api'
const TOKEN_LENGTH = 867

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Twelve claims, as an access token of a company with a few roles carries them. */
function claims(padding: number, jti: string): Record<string, unknown> {
  const seconds = Math.floor(Date.now() / 1000)
  return {
    iss: ISSUER,
    sub: '4f8a1f0e-6f0b-4a52-9c55-0d2d2a6f2b7a',
    aud: AUDIENCE,
    client_id: 'agent-4f8a1f0e',
    organization_id: 'org-0b9c7f9e',
    scope: 'orders:read orders:write',
    jti,
    iat: seconds,
    nbf: seconds,
    exp: seconds + 3600,
    roles: ['operator'],
    tenant: 't'.repeat(padding),
  }
}

function keyPair(algorithm: AlgorithmName) {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ed25519')
}

/** The longest tenant name whose token is not longer than the one the targets were set with. */
function fittingInput(header: string, signatureLength: number, jti: string): string {
  const room = TOKEN_LENGTH - signatureLength - 1
  for (let padding = 400; padding > 0; padding--) {
    const input = `${header}.${encode(claims(padding, jti))}`
    if (input.length <= room) return input
  }
  throw new Error('the claims do not fit into the token')
}

/** Different tokens by one key. */
export function samplesOf(algorithm: AlgorithmName, count: number): Sample[] {
  const { privateKey, publicKey } = keyPair(algorithm)
  const kid = `bench-${algorithm.toLowerCase()}`
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' } as Sample['jwk']
  const header = encode({ alg: algorithm, typ: 'at+jwt', kid })
  return Array.from({ length: count }, (_, index) => {
    const jti = `2d6a0f61${index.toString(16).padStart(8, '0')}`
    const input = fittingInput(header, algorithm === 'RS256' ? 342 : 86, jti)
    return { algorithm, publicKey, jwk, issuer: ISSUER, audience: AUDIENCE, ...signed(input, algorithm, privateKey) }
  })
}

function signed(input: string, algorithm: AlgorithmName, privateKey: KeyObject) {
  const signingInput = Buffer.from(input)
  const digest = algorithm === 'Ed25519' ? null : 'sha256'
  const raw = sign(digest, signingInput, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const signature = algorithm === 'ES256' ? sign(digest, signingInput, privateKey) : raw
  return { token: `${input}.${raw.toString('base64url')}`, signingInput, signature }
}

export function sampleOf(algorithm: AlgorithmName): Sample {
  return samplesOf(algorithm, 1)[0] as Sample
}
