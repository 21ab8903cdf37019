import { createHash } from 'node:crypto'
import { tokenBinding } from '../../src/binding/check.ts'
import type { BindingOptions } from '../../src/binding/options.ts'
import type { Presented } from '../../src/binding/request.ts'
import { publicMembers, thumbprint } from '../../src/binding/thumbprint.ts'
import { type VerifiedToken, verifyJwt } from '../../src/jwt/verify.ts'
import type { Jwk } from '../../src/keys/jwk.ts'
import { HandClock } from '../support/clock.ts'
import { AUDIENCE, compact, goodClaims, ISSUER, makeKey, NOW_MS, type SigningKey } from '../support/keys.ts'

const issuerKey = makeKey('ES256')
export const URL_OF_API = 'https://api.example.com/orders'

/** A token as a verifier hands it on, really signed and verified. */
export interface Issued {
  readonly text: string
  readonly token: VerifiedToken
}

export function issued(cnf: unknown): Issued {
  const text = compact(issuerKey, { ...goodClaims(), cnf })
  const options = { jwks: { keys: [issuerKey.jwk] }, issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'] }
  return { text, token: verifyJwt(text, { ...options, now: NOW_MS }) }
}

export const publicJwk = ({ jwk }: SigningKey): Jwk => publicMembers(jwk) as Jwk
export const jktOf = (key: SigningKey): string => thumbprint(publicJwk(key))
export const athOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

let made = 0

/** The claims of a proof that is good for a GET of URL_OF_API at NOW_MS. */
export function proofClaims(text: string): Record<string, unknown> {
  return { jti: `proof-${++made}`, htm: 'GET', htu: URL_OF_API, iat: NOW_MS / 1000, ath: athOf(text) }
}

export function proofOf(key: SigningKey, claims: unknown, header: Record<string, unknown> = {}): string {
  return compact(key, claims, { typ: 'dpop+jwt', kid: undefined, jwk: publicJwk(key), ...header })
}

/** What a client sends: the scheme DPoP with these header fields. */
export function sent(text: string, fields: Record<string, string> = {}, certificate?: Uint8Array): Presented {
  const header = (name: string) => fields[name.toLowerCase()]
  return { scheme: 'dpop', token: text, request: { method: 'GET', url: URL_OF_API, header, certificate } }
}

export function asBearer(presented: Presented): Presented {
  return { ...presented, scheme: 'bearer' }
}

/** A client with a key and a token bound to it, and a server that checks it by a clock that stands at NOW_MS. */
export function bench(options: BindingOptions = {}, algorithm = 'ES256') {
  const clock = new HandClock(NOW_MS)
  const key = makeKey(algorithm)
  const binding = tokenBinding({ clock, ...options })
  const { text, token } = issued({ jkt: jktOf(key) })
  const claims = (change: Record<string, unknown> = {}) => ({ ...proofClaims(text), ...change })
  const present = (proof: string) => binding.check(token, sent(text, { dpop: proof }))
  return { clock, key, binding, text, token, claims, present }
}
