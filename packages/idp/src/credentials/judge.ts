import { timingSafeEqual } from 'node:crypto'
import { isAccepted } from '@rekey/keyring'
import type { Client, HeldSecret } from './client.ts'
import { hashSecret, nobodysHash } from './secret.ts'

/** What a secret that was presented turned out to be: good, one that was good once, or none of the client's. */
export type Judgement = { is: 'good' | 'dead'; held: HeldSecret } | { is: 'unknown' }

/**
 * Holds a secret against all of a client's, each in constant time.
 *
 * @param now milliseconds since the epoch, by the clock of the database
 */
export function judgeSecret(presented: string, client: Client | undefined, now: number): Judgement {
  const sha256 = hashSecret(presented)
  let found: HeldSecret | undefined
  for (const held of client?.secrets ?? []) if (timingSafeEqual(sha256, held.sha256)) found = held
  if (!client) timingSafeEqual(sha256, nobodysHash)
  if (!found) return { is: 'unknown' }
  return { is: isGood(found, now) ? 'good' : 'dead', held: found }
}

/** Is this version of a credential accepted now, by the clock of the database? */
export function isGood(held: Pick<HeldSecret, 'state' | 'until'>, now: number): boolean {
  return isAccepted(held) && (held.until === null || now < held.until)
}
