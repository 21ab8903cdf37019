import { VerifyError } from '../error.ts'

/** The claims of a verified token (RFC 7519 §4.1). `exp`, `nbf` and `iat` are seconds since the Unix epoch. */
export interface JwtClaims {
  readonly exp: number
  readonly nbf?: number
  readonly iat?: number
  readonly iss?: string
  readonly aud?: string | readonly string[]
  readonly sub?: string
  readonly jti?: string
  // biome-ignore lint/suspicious/noExplicitAny: claims are defined by the issuer, and their reader knows which
  readonly [claim: string]: any
}

/** What a token is held against; checked for wrong use beforehand. */
export interface Expectation {
  readonly issuer: string | null
  readonly audience: string | readonly string[] | null
  readonly nowMs: number
  readonly clockToleranceMs: number
}

function numericDate(payload: Record<string, unknown>, claim: string): number | undefined {
  const value = payload[claim]
  if (value === undefined) return undefined
  // JSON can write a number that is read as Infinity (1e999): as an expiry it would never come.
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new VerifyError('claim_invalid', { claim })
  return value
}

function checkTimes(payload: Record<string, unknown>, { nowMs, clockToleranceMs }: Expectation): void {
  const exp = numericDate(payload, 'exp')
  const nbf = numericDate(payload, 'nbf')
  numericDate(payload, 'iat')
  if (exp === undefined) throw new VerifyError('claim_missing', { claim: 'exp' })
  if (nowMs - clockToleranceMs >= exp * 1000) throw new VerifyError('token_expired')
  if (nbf !== undefined && nowMs + clockToleranceMs < nbf * 1000) throw new VerifyError('token_not_yet_valid')
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

/** Holds the payload of a token against what is expected of it. */
export function checkClaims(payload: Record<string, unknown>, expected: Expectation): JwtClaims {
  checkIssuer(payload.iss, expected.issuer)
  checkAudience(payload.aud, expected.audience)
  checkTimes(payload, expected)
  return payload as unknown as JwtClaims
}
