import { type DenyEntry, type DenyRow, rowOf } from '../../../denied/entry.ts'
import { iso } from '../../../http/time.ts'
import type { Selected } from './selected.ts'

/**
 * What is denied so that every verifier refuses the tokens of sessions.
 *
 * @param longestTokenMs for how long a token issued now can be good anywhere
 */
export function deniedFor(
  selected: readonly Selected[],
  issuer: string,
  now: number,
  longestTokenMs: number,
): DenyRow[] {
  return selected.map((one) => rowOf(entryOf(one, issuer), now, longestTokenMs))
}

function entryOf({ selector, issuedBefore: ms }: Selected, issuer: string): DenyEntry {
  const issuedBefore = iso(ms)
  if ('sub' in selector) return { sub: selector.sub, issuedBefore }
  if ('clientId' in selector) return { client_id: selector.clientId, issuedBefore }
  return 'sid' in selector ? { sid: selector.sid } : { iss: issuer, issuedBefore }
}
