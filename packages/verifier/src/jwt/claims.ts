import { VerifyError } from '../error.ts'
import type { Expectation } from './expectation.ts'

/** The claims of a verified token (RFC 7519 §4.1). `exp`, `nbf` and `iat` are seconds since the Unix epoch. */
export interface JwtClaims {
  readonly exp: number
  readonly nbf?: number
  readonly iat?: number
  readonly iss?: string
  readonly aud?: string | readonly string[]
  readonly sub?: string
  readonly jti?: string
  readonly sid?: string
  readonly azp?: string
  readonly client_id?: string
  // biome-ignore lint/suspicious/noExplicitAny: claims are defined by the issuer, and their reader knows which
  readonly [claim: string]: any
}

type Payload = Readonly<Record<string, unknown>>

/** The last second that a Date can hold. */
const LAST_SECOND = 8.64e12

/**
 * How far ahead of our clock a token may say it was issued, beside the tolerance: RFC 7519 refuses none for its `iat`, and an
 * API whose clock is an hour behind need not refuse every fresh token.
 */
const MAX_IAT_AHEAD_MS = 86_400_000

function numericDate(payload: Payload, claim: string): number | undefined {
  const value = payload[claim]
  if (value === undefined) return undefined
  // JSON can write a number that is read as Infinity (1e999), or one beyond every calendar: such an expiry never comes.
  if (typeof value !== 'number' || !(Math.abs(value) <= LAST_SECOND)) throw new VerifyError('claim_invalid', { claim })
  return value
}

/** RFC 7519 §4.1.4 to §4.1.6. A token issued in the future was issued by a clock that nothing else can be believed of. */
export function checkTimes(payload: Payload, { nowMs, clockToleranceMs, maxTokenLifetimeMs }: Expectation): void {
  const exp = numericDate(payload, 'exp')
  const nbf = numericDate(payload, 'nbf')
  const iat = numericDate(payload, 'iat')
  if (exp === undefined) throw new VerifyError('claim_missing', { claim: 'exp' })
  if (nowMs - clockToleranceMs >= exp * 1000) throw new VerifyError('token_expired')
  const aheadMs = nowMs + clockToleranceMs
  if (nbf !== undefined && aheadMs < nbf * 1000) throw new VerifyError('token_not_yet_valid')
  if (iat !== undefined && aheadMs + MAX_IAT_AHEAD_MS < iat * 1000) throw new VerifyError('token_not_yet_valid')
  if (maxTokenLifetimeMs === undefined) return
  const bornMs = iat === undefined ? nowMs : iat * 1000
  if (exp * 1000 - bornMs > maxTokenLifetimeMs) throw new VerifyError('token_lifetime_too_long')
}

/** Compared literally: RFC 7519 §4.1.1 knows no normalisation, and a URL parser would see equals where none are. */
function checkIssuer(iss: unknown, issuer: string | null): void {
  if (iss !== undefined && typeof iss !== 'string') throw new VerifyError('claim_invalid', { claim: 'iss' })
  if (issuer === null || iss === issuer) return
  throw iss === undefined ? new VerifyError('claim_missing', { claim: 'iss' }) : new VerifyError('issuer_mismatch')
}

function isAudience(aud: unknown): aud is string | string[] {
  return typeof aud === 'string' || (Array.isArray(aud) && aud.every((one) => typeof one === 'string'))
}

function checkAudience(aud: unknown, audience: Expectation['audience']): void {
  if (aud !== undefined && !isAudience(aud)) throw new VerifyError('claim_invalid', { claim: 'aud' })
  if (audience === null || aud === audience) return
  if (aud === undefined) throw new VerifyError('claim_missing', { claim: 'aud' })
  const accepted = typeof audience === 'string' ? [audience] : audience
  const meant = typeof aud === 'string' ? [aud] : aud
  if (!meant.some((one) => accepted.includes(one))) throw new VerifyError('audience_mismatch')
}

function checkText(value: unknown, claim: string): void {
  if (value !== undefined && typeof value !== 'string') throw new VerifyError('claim_invalid', { claim })
}

/**
 * They name whom and what a token is for, and a deny-list finds it by them: a value of another type would slip by.
 * Written out: a loop over the names takes nine times as long.
 */
function checkIdentifiers(payload: Payload): void {
  checkText(payload.sub, 'sub')
  checkText(payload.jti, 'jti')
  checkText(payload.sid, 'sid')
  checkText(payload.azp, 'azp')
  checkText(payload.client_id, 'client_id')
}

function checkRequired(payload: Payload, required: readonly string[] = []): void {
  for (const claim of required) {
    if (!Object.hasOwn(payload, claim) || payload[claim] === null) throw new VerifyError('claim_missing', { claim })
  }
}

function checkParty({ azp, client_id }: Payload, parties: readonly string[] | undefined): void {
  if (parties === undefined) return
  const party = azp ?? client_id
  if (party === undefined) throw new VerifyError('claim_missing', { claim: 'azp' })
  if (!parties.includes(party as string)) throw new VerifyError('party_mismatch')
}

/** Holds the payload of a token against what is expected of it. */
export function checkClaims(payload: Payload, expected: Expectation): JwtClaims {
  checkIssuer(payload.iss, expected.issuer)
  checkAudience(payload.aud, expected.audience)
  checkTimes(payload, expected)
  checkIdentifiers(payload)
  checkRequired(payload, expected.requiredClaims)
  checkParty(payload, expected.authorizedParties)
  return payload as unknown as JwtClaims
}
