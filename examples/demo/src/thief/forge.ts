import { randomUUID, sign } from 'node:crypto'
import { settings } from '../policy.ts'
import type { StolenKey } from './steal.ts'

/**
 * Mints an access token that differs from an honest one in nothing but its subject.
 *
 * @param nowMs milliseconds since the epoch
 */
export function forgeToken(
  { kid, algorithm, key }: StolenKey,
  { issuer, audience }: { issuer: string; audience: string },
  nowMs: number,
): string {
  const iat = Math.floor(nowMs / 1_000)
  const exp = iat + settings.tokenTtlMs / 1_000
  const claims = { iss: issuer, sub: 'thief', aud: audience, client_id: 'thief', jti: randomUUID(), iat, exp }
  const input = `${encode({ alg: algorithm, typ: 'at+jwt', kid })}.${encode(claims)}`
  // Of RSA keys the encoding of the signature is not asked.
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
