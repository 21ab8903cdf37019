import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeUnverified } from '@rekey/verifier'
import type { Client, HeldSecret } from '../../credentials/client.ts'
import { isGood } from '../../credentials/judge.ts'
import { clientKeyAlgorithms } from '../../credentials/key.ts'
import { type AssertionRules, type AssertionVerdict, assertionTypes, faultOf } from './assertion.ts'

/** RFC 7518 §3.2. */
const hashes: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }

/** By which clients may sign assertions: by a key of theirs, and those that registered so by their secret. */
export const assertionAlgorithms: readonly string[] = [...clientKeyAlgorithms, ...Object.keys(hashes)]

/**
 * Holds an assertion against the secrets by which its client signs (client_secret_jwt; OpenID Connect Core §9): the key of the HMAC
 * is the secret in UTF-8 (§10.1).
 *
 * @param now milliseconds since the epoch by the clock of this instance
 */
export function judgeSecretAssertion(
  assertion: string,
  client: Client,
  rules: AssertionRules,
  now: number,
): AssertionVerdict {
  const { header, payload } = decodeUnverified(assertion) ?? {}
  if (!header || !payload) return { is: 'unknown', cause: 'token_malformed' }
  const hash = hashNamed(header.alg)
  // An extension that is not understood would have to be (RFC 7515 §4.1.11, RFC 7797).
  if (hash === undefined || 'crit' in header || 'b64' in header) return { is: 'unknown', cause: 'key_unfit' }
  const held = signerOf(assertion, client, hash, rules.databaseNow)
  if (!held) return { is: 'unknown', cause: 'signature_invalid' }
  const cause = isOfType(header.typ) ? timeFaultOf(payload, rules, now) : 'type_mismatch'
  if (cause !== undefined) return { is: 'unknown', cause }
  const claims = payload as { exp: number; jti?: string }
  const fault = payload.iss === client.clientId ? faultOf(claims, client.clientId, rules, now) : 'issuer_mismatch'
  if (fault !== undefined) return { is: 'unknown', cause: fault }
  const is = isGood(held, rules.databaseNow) ? 'good' : 'dead'
  return { is, held, jti: claims.jti as string, expiresAt: claims.exp * 1_000 + rules.skewMs }
}

function hashNamed(algorithm: unknown): string | undefined {
  return typeof algorithm === 'string' && Object.hasOwn(hashes, algorithm) ? hashes[algorithm] : undefined
}

/** A secret that is good, rather than one that was. */
function signerOf(assertion: string, { secrets }: Client, hash: string, now: number): HeldSecret | undefined {
  const end = assertion.lastIndexOf('.')
  const input = assertion.slice(0, end)
  const presented = Buffer.from(assertion.slice(end + 1))
  let found: HeldSecret | undefined
  for (const held of secrets) {
    if (!held.secret) continue
    const signature = Buffer.from(createHmac(hash, held.secret).update(input).digest('base64url'))
    if (signature.length !== presented.length || !timingSafeEqual(signature, presented)) continue
    if (!found || isGood(held, now)) found = held
  }
  return found
}

/** RFC 7515 §4.1.9: a media type, compared without regard to case, whose "application/" may be left out. */
function isOfType(typ: unknown): boolean {
  if (typ === undefined) return true
  const name = String(typ)
    .toLowerCase()
    .replace(/^application\//, '')
  return assertionTypes.some((type) => type?.toLowerCase() === name)
}

function timeFaultOf({ exp, nbf, iat }: Readonly<Record<string, unknown>>, { skewMs }: AssertionRules, now: number) {
  if (!Number.isFinite(exp) || [nbf, iat].some((time) => time !== undefined && !Number.isFinite(time))) {
    return 'claim_invalid'
  }
  if (now - skewMs >= Number(exp) * 1_000) return 'token_expired'
  return nbf !== undefined && now + skewMs < Number(nbf) * 1_000 ? 'token_not_yet_valid' : undefined
}
