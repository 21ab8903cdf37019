import { decodeUnverified, type JwtClaims, VerifyError, verifyJwt } from '@rekey/verifier'
import type { Client, HeldKey, HeldSecret } from '../../credentials/client.ts'
import { isGood } from '../../credentials/judge.ts'
import { longestAssertionMs } from '../../credentials/policy.ts'
import { nobodysKey } from './nobodys-key.ts'

/** What an assertion turned out to be, with the `jti` by which it is used up, or why it is none. */
export type AssertionVerdict =
  | { is: 'good' | 'dead'; held: HeldKey | HeldSecret; jti: string; expiresAt: number }
  | { is: 'unknown'; cause: string }

export interface AssertionRules {
  /** Who this server is: its issuer, and what RFC 7523 §3 allows besides, its token endpoint. */
  audiences: readonly string[]
  /** How far a client's clock may be off. */
  skewMs: number
  /** Milliseconds since the epoch by the clock of the database: by that one credentials come to their end. */
  databaseNow: number
}

/** RFC 7523 does without a type; a JWT of the client's that says it is something else is no assertion. */
export const assertionTypes = [null, 'JWT', 'client-authentication+jwt']
const longestJti = 512

/** Anybody can ask for these verifications. Enough for a client that names none of its keys and is between two of them. */
const mostTried = 3

/** What verifies a signature, and the claims under it. */
type Verify = typeof verifyJwt

/**
 * Holds an assertion against a client's keys: the one that it names, or each of them when it names none and they are few.
 * Whoever it is of, at least one signature is verified, if need be by a key that is nobody's: a refusal takes as long for a client that is not
 * known or has no key as for one of one key.
 *
 * @param now milliseconds since the epoch by the clock of this instance: by that one the assertion itself is judged
 */
export function judgeAssertion(
  assertion: string,
  client: Client | undefined,
  rules: AssertionRules,
  now: number,
  verify: Verify = verifyJwt,
): AssertionVerdict {
  const header = decodeUnverified(assertion)?.header
  if (!header) return { is: 'unknown', cause: 'token_malformed' }
  const named = (client?.keys ?? []).filter(({ kid }) => header.kid === undefined || header.kid === kid)
  const signatureBytes = signatureBytesOf(assertion)
  const fitting = named.filter((held) => held.algorithm === header.alg && isTriedOn(held, signatureBytes))
  const isNameNeeded = fitting.filter((held) => isGood(held, rules.databaseNow)).length > mostTried
  if (fitting.length === 0 || isNameNeeded) tryNobodysKey(assertion, header, signatureBytes, verify)
  if (!client) return { is: 'unknown', cause: 'client_unknown' }
  if (isNameNeeded) return { is: 'unknown', cause: 'key_unnamed' }
  let verdict: AssertionVerdict = { is: 'unknown', cause: named.length > 0 ? 'key_unfit' : 'key_unknown' }
  for (const held of goodOnesFirst(fitting, rules.databaseNow).slice(0, mostTried)) {
    const found = judgeByKey(assertion, client.clientId, held, rules, now, verify)
    if (found.is === 'good') return found
    if (verdict.is !== 'dead') verdict = found
  }
  return verdict
}

function goodOnesFirst(keys: readonly HeldKey[], now: number): HeldKey[] {
  return keys.toSorted((a, b) => Number(isGood(b, now)) - Number(isGood(a, now)))
}

function signatureBytesOf(assertion: string): number {
  return bytesOf(assertion.slice(assertion.lastIndexOf('.') + 1))
}

function bytesOf(base64url: string): number {
  return Math.floor((base64url.length * 3) / 4)
}

/** A signature that is not as long as an RSA key is refused without a look at it. */
function isTriedOn({ jwk: { n: modulus } }: HeldKey, signatureBytes: number): boolean {
  return modulus === undefined || bytesOf(modulus) === signatureBytes
}

function tryNobodysKey(
  assertion: string,
  { alg, kid }: Readonly<Record<string, unknown>>,
  signatureBytes: number,
  verify: Verify,
): void {
  const algorithm = String(alg)
  const jwk = nobodysKey(algorithm, signatureBytes)
  if (!jwk) return
  try {
    // Another object each time: the keys of a client that was just read are imported anew as well.
    const jwks = { keys: [{ ...jwk, alg: algorithm, kid: kid as string }] }
    verify(assertion, { jwks, algorithms: [algorithm], issuer: null, audience: null })
  } catch (error) {
    // What comes of it is known beforehand; only its time was wanted.
    if (!(error instanceof VerifyError)) throw error
  }
}

function judgeByKey(
  assertion: string,
  clientId: string,
  held: HeldKey,
  rules: AssertionRules,
  now: number,
  verify: Verify,
) {
  try {
    const { payload } = verify(assertion, {
      jwks: { keys: [held.jwk] },
      algorithms: [held.algorithm],
      issuer: clientId,
      audience: rules.audiences,
      requiredTyp: assertionTypes,
      requiredClaims: ['sub', 'jti', 'aud'],
      clockToleranceMs: rules.skewMs,
      now,
    })
    const cause = faultOf(payload, clientId, rules, now)
    if (cause !== undefined) return { is: 'unknown', cause } as const
    const expiresAt = payload.exp * 1_000 + rules.skewMs
    return {
      is: isGood(held, rules.databaseNow) ? 'good' : 'dead',
      held,
      jti: payload.jti as string,
      expiresAt,
    } as const
  } catch (error) {
    if (error instanceof VerifyError) return { is: 'unknown', cause: error.code } as const
    throw error
  }
}

/** What RFC 7523 §3 asks for beyond any JWT. */
export function faultOf({ sub, aud, exp, jti }: JwtClaims, clientId: string, rules: AssertionRules, now: number) {
  if (sub !== clientId) return 'subject_mismatch'
  const meant = [aud].flat()
  // One that is meant for another server as well could be handed on to us by it.
  if (meant.length === 0 || !meant.every((one) => rules.audiences.includes(one as string))) return 'audience_mismatch'
  if (exp * 1_000 > now + longestAssertionMs + rules.skewMs) return 'token_lifetime_too_long'
  return typeof jti !== 'string' || jti === '' || jti.length > longestJti ? 'jti_invalid' : undefined
}
