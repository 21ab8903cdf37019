import { systemClock } from '../clock.ts'
import { VerifyError } from '../error.ts'
import { type JwsHeader, parseObject } from '../jws/header.ts'
import {
  assertAlgorithms,
  assertJwks,
  assertMaxLength,
  type KeysFor,
  MAX_TOKEN_LENGTH,
  openJws,
} from '../jws/verify.ts'
import type { Jwks } from '../keys/jwk.ts'
import { checkClaims, type Expectation, type JwtClaims } from './claims.ts'

/** What is expected of a JWT. `issuer`, `audience` and `algorithms` have no default. */
export interface VerifyJwtOptions {
  readonly jwks: Jwks
  /** The one `iss` that is accepted, compared literally. `null` accepts any: only where the keys belong to one issuer. */
  readonly issuer: string | null
  /** One of these must be in `aud`. `null` accepts tokens meant for anybody. */
  readonly audience: string | readonly string[] | null
  readonly algorithms: readonly string[]
  /** The time, in milliseconds since the Unix epoch, or a function that tells it. Default: the clock of the machine. */
  readonly now?: number | (() => number)
  /** How far the issuer's clock may be off, in milliseconds. Default 0. */
  readonly clockToleranceMs?: number
  /** Longest token that is read, in characters. Default 65,536. */
  readonly maxLength?: number
}

/** A token whose signature and claims were found good. */
export interface VerifiedToken {
  readonly header: JwsHeader
  readonly payload: JwtClaims
}

/** An empty name is what an unset variable leaves behind; it must not quietly mean "any". */
export function assertIssuer(issuer: unknown): asserts issuer is string | null {
  if (issuer === null || (typeof issuer === 'string' && issuer !== '')) return
  throw new TypeError('issuer is required: a string, or explicitly null')
}

export function assertAudience(audience: unknown): asserts audience is string | readonly string[] | null {
  const names = Array.isArray(audience) ? audience : [audience]
  if (audience === null || (names.length > 0 && names.every((name) => typeof name === 'string' && name !== ''))) return
  throw new TypeError('audience is required: a string, an array of strings, or explicitly null')
}

export function assertTolerance(toleranceMs: unknown): asserts toleranceMs is number {
  if (typeof toleranceMs === 'number' && Number.isFinite(toleranceMs) && toleranceMs >= 0) return
  throw new TypeError('clockToleranceMs must be a number of milliseconds, 0 or more')
}

function timeOf(now: VerifyJwtOptions['now']): number {
  const nowMs = now === undefined ? systemClock.wallMs() : typeof now === 'function' ? now() : now
  if (!Number.isFinite(nowMs)) throw new TypeError('now must be a number of milliseconds since the Unix epoch')
  return nowMs
}

/** Signature first, then claims; what {@link verifyJwt} and a verifier with its own trust have in common. */
export function openJwt(
  token: unknown,
  keysFor: KeysFor,
  algorithms: readonly string[],
  expected: Expectation,
  maxLength: number,
): VerifiedToken {
  const { header, payload } = openJws(token, keysFor, algorithms, maxLength)
  const claims = parseObject(payload)
  if (claims === undefined) throw new VerifyError('token_malformed', { detail: 'payload' })
  return { header, payload: checkClaims(claims, expected) }
}

/**
 * Verifies a signed JWT (RFC 7519) and its claims, without any I/O. `exp` is required; `iss` and `aud` are required
 * unless `issuer` or `audience` is `null`. The rules for keys and algorithms are those of {@link verifyJws}.
 *
 * @throws {VerifyError} for whatever is wrong with the token.
 * @throws {TypeError} for wrong use: an option missing or of the wrong shape.
 */
export function verifyJwt(token: string, options: VerifyJwtOptions): VerifiedToken {
  const { jwks, issuer, audience, algorithms, clockToleranceMs = 0, maxLength = MAX_TOKEN_LENGTH } = options ?? {}
  assertJwks(jwks)
  assertIssuer(issuer)
  assertAudience(audience)
  assertAlgorithms(algorithms)
  assertTolerance(clockToleranceMs)
  assertMaxLength(maxLength)
  const expected = { issuer, audience, nowMs: timeOf(options.now), clockToleranceMs }
  return openJwt(token, () => jwks, algorithms, expected, maxLength)
}
