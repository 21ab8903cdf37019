import { systemClock } from '../clock.ts'
import { VerifyError } from '../error.ts'
import type { JwsHeader } from '../jws/header.ts'
import { parseObject } from '../jws/json.ts'
import {
  assertAlgorithms,
  assertJwks,
  assertMaxLength,
  type KeysFor,
  MAX_TOKEN_LENGTH,
  openJws,
} from '../jws/verify.ts'
import type { Jwks } from '../keys/jwk.ts'
import { checkClaims, type JwtClaims } from './claims.ts'
import { checkedExpectation, type Expectation, type JwtExpectation } from './expectation.ts'
import { checkTyp } from './typ.ts'

/** What is expected of a JWT, and the keys for it. `issuer`, `audience` and `algorithms` have no default. */
export interface VerifyJwtOptions extends JwtExpectation {
  readonly jwks: Jwks
  readonly algorithms: readonly string[]
  /** The time, in milliseconds since the Unix epoch, or a function that tells it. Default: the clock of the machine. */
  readonly now?: number | (() => number)
  /** Longest token that is read, in characters. Default 65,536. */
  readonly maxLength?: number
}

/** A token whose signature and claims were found good. */
export interface VerifiedToken {
  readonly header: JwsHeader
  readonly payload: JwtClaims
}

function timeOf(now: VerifyJwtOptions['now']): number {
  const nowMs = now === undefined ? systemClock.wallMs() : typeof now === 'function' ? now() : now
  if (!Number.isFinite(nowMs)) throw new TypeError('now must be a number of milliseconds since the Unix epoch')
  return nowMs
}

/** Signature first, then type and claims; what {@link verifyJwt} and a verifier with its own trust have in common. */
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
  checkTyp(header.typ, expected.requiredTyp)
  return { header, payload: checkClaims(claims, expected) }
}

/**
 * Verifies a signed JWT (RFC 7519) and its claims, without any I/O. `exp` is required; `iss` and `aud` are required
 * unless `issuer` or `audience` is `null`. The rules for keys and algorithms are those of {@link verifyJws}.
 *
 * `typ` is not looked at unless `requiredTyp` says which: where one issuer signs several kinds of tokens with one key
 * (ID tokens and access tokens, say), say so, or one kind is taken for another.
 *
 * @throws {VerifyError} for whatever is wrong with the token.
 * @throws {TypeError} for wrong use: an option missing or of the wrong shape.
 */
export function verifyJwt(token: string, options: VerifyJwtOptions): VerifiedToken {
  const { jwks, algorithms, now, maxLength = MAX_TOKEN_LENGTH } = options ?? {}
  assertJwks(jwks)
  assertAlgorithms(algorithms)
  assertMaxLength(maxLength)
  const expected = { ...checkedExpectation(options), nowMs: timeOf(now) }
  return openJwt(token, () => jwks, algorithms, expected, maxLength)
}
