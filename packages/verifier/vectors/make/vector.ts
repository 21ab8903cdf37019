import type { Jwk, VerifyErrorCode } from '../../src/index.ts'
import {
  AUDIENCE,
  compact,
  encode,
  goodClaims,
  ISSUER,
  makeKey,
  NOW_MS,
  type SigningKey,
} from '../../test/support/keys.ts'

/** A vector before it is written; `name` is that of its file. */
export interface Vector {
  readonly name: string
  readonly why: string
  readonly expected: VerifyErrorCode | 'ok'
  readonly token: string
  readonly keys?: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
}

export const OPTIONS = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], now: NOW_MS }
export const SECONDS = NOW_MS / 1000

/** The trusted key of every vector that names no other, and somebody else's with the same id. */
export const trusted = makeKey('ES256', 'es256-1')
export const stranger = makeKey('ES256', 'es256-1')
export const rsa = makeKey('RS256', 'rs256-1')

export const claims = (changes: Record<string, unknown> = {}) => ({ ...goodClaims(), ...changes })
/** The good claims as text, with more text before or after the good members. */
export const claimsText = (before = '', after = '') => `{${before}${JSON.stringify(claims()).slice(1, -1)}${after}}`
export const header = (changes: Record<string, unknown> = {}) => ({ alg: 'ES256', kid: 'es256-1', ...changes })

export const segment = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : encode(value)

/** A token that is rightly signed, whatever its header and payload are: objects, text or bytes. */
export function signed(payload: unknown = claims(), ownHeader: unknown = header(), key: SigningKey = trusted): string {
  const input = `${segment(ownHeader)}.${segment(payload)}`
  return `${input}.${segment(key.sign(input))}`
}

export const good = compact(trusted, claims())
export const goodParts = good.split('.') as [string, string, string]
export const withSignature = (token: string, signature: Uint8Array): string =>
  `${token.slice(0, token.lastIndexOf('.'))}.${segment(signature)}`
export const signatureOf = (token: string): Buffer => Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')

export const without = (jwk: Jwk, ...members: string[]): Jwk =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !members.includes(name)))
