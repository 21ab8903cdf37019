import type { KeyObject } from 'node:crypto'
import { decodeUnverified, type Jwk, type JwtClaims, VerifyError, verifyJwt } from '@rekey/verifier'
import type { Client, HeldKey } from '../../credentials/client.ts'
import { isGood } from '../../credentials/judge.ts'
import { longestAssertionMs } from '../../credentials/policy.ts'

/** What an assertion turned out to be, with the `jti` by which it is used up, or why it is none. */
export type AssertionVerdict =
  | { is: 'good' | 'dead'; held: HeldKey; jti: string; expiresAt: number }
  | { is: 'unknown'; cause: string }

export interface AssertionRules {
  /** Who this server is: its issuer, and what RFC 7523 §3 allows besides, its token endpoint. */
  audiences: readonly string[]
  /** How far a client's clock may be off. */
  skewMs: number
}

/** RFC 7523 does without a type; a JWT of the client's that says it is something else is no assertion. */
const types = [null, 'JWT', 'client-authentication+jwt']
const longestJti = 512

/**
 * Holds an assertion against a client's keys: the one that it names, or each of them when it names none.
 *
 * @param now milliseconds since the epoch
 */
export function judgeAssertion(
  assertion: string,
  client: Client | undefined,
  rules: AssertionRules,
  now: number,
): AssertionVerdict {
  if (!client) return { is: 'unknown', cause: 'client_unknown' }
  const kid = decodeUnverified(assertion)?.header.kid
  let verdict: AssertionVerdict = { is: 'unknown', cause: 'key_unknown' }
  for (const held of client.keys) {
    if (kid !== undefined && kid !== held.kid) continue
    const found = judgeByKey(assertion, client.clientId, held, rules, now)
    if (found.is === 'good') return found
    if (verdict.is !== 'dead') verdict = found
  }
  return verdict
}

function judgeByKey(assertion: string, clientId: string, held: HeldKey, rules: AssertionRules, now: number) {
  try {
    const { payload } = verifyJwt(assertion, {
      jwks: { keys: [jwkOf(held)] },
      algorithms: [held.algorithm],
      issuer: clientId,
      audience: rules.audiences,
      requiredTyp: types,
      requiredClaims: ['sub', 'jti', 'aud'],
      clockToleranceMs: rules.skewMs,
      now,
    })
    const cause = faultOf(payload, clientId, rules, now)
    if (cause !== undefined) return { is: 'unknown', cause } as const
    const expiresAt = payload.exp * 1_000 + rules.skewMs
    return { is: isGood(held, now) ? 'good' : 'dead', held, jti: payload.jti as string, expiresAt } as const
  } catch (error) {
    if (error instanceof VerifyError) return { is: 'unknown', cause: error.code } as const
    throw error
  }
}

/** What RFC 7523 §3 asks for beyond any JWT. */
function faultOf({ sub, aud, exp, jti = '' }: JwtClaims, clientId: string, rules: AssertionRules, now: number) {
  if (sub !== clientId) return 'subject_mismatch'
  // One that is meant for another server as well could be handed on to us by it.
  if (![aud].flat().every((one) => rules.audiences.includes(one as string))) return 'audience_mismatch'
  if (exp * 1_000 > now + longestAssertionMs + rules.skewMs) return 'token_lifetime_too_long'
  return jti === '' || jti.length > longestJti ? 'jti_invalid' : undefined
}

/** Kept with the key, because the verifier keeps what it imported with the JWK. */
const jwks = new WeakMap<KeyObject, Jwk>()

function jwkOf({ key, kid, algorithm }: HeldKey): Jwk {
  const known = jwks.get(key)
  if (known) return known
  const jwk = { ...key.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' } as Jwk
  jwks.set(key, jwk)
  return jwk
}
