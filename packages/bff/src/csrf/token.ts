/** The form of a CSRF token: `<version>.<random>.<MAC>`. It is good for one session, and by whichever version made it. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { SealingKeyring } from '../keyrings/held.ts'

const purpose = 'csrf-token'

/** The version may be called by anything that has no dots at its end; what follows are 32 bytes each, as base64url. */
const form = /^([\w.:-]{1,120})\.([\w-]{43})\.([\w-]{43})$/

export type CsrfFault = 'missing' | 'malformed' | 'stale' | 'invalid'

export function newToken(keyring: SealingKeyring, sessionId: string): string {
  const random = randomBytes(32).toString('base64url')
  const version = keyring.activeId
  const mac = keyring.mac(purpose, dataOf(random, sessionId), version)
  if (mac === undefined) throw new TypeError('the active version makes no MAC')
  return `${version}.${random}.${mac.toString('base64url')}`
}

/**
 * What is wrong with a token. `stale`: the version that made it is not accepted any more, or never was one. `invalid`: it was
 * made for another session, or by somebody else; the two cannot be told apart.
 */
export function faultOf(keyring: SealingKeyring, sessionId: string, token: string | undefined): CsrfFault | undefined {
  if (token === undefined || token === '') return 'missing'
  const [, version, random, mac] = form.exec(token) ?? []
  if (version === undefined || random === undefined || mac === undefined) return 'malformed'
  const expected = keyring.mac(purpose, dataOf(random, sessionId), version)
  if (expected === undefined) return 'stale'
  return timingSafeEqual(expected, Buffer.from(mac, 'base64url')) ? undefined : 'invalid'
}

/** The random part has no dot, so no other pair makes the same text. */
const dataOf = (random: string, sessionId: string) => `${random}.${sessionId}`
