import { denyEntryOf } from '@rekey/breakglass'
import { iso } from '@rekey/service'
import { type DenyRow, rowOf } from '../../../denied/entry.ts'
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
  return selected.map(({ selector, issuedBefore }) =>
    rowOf(denyEntryOf(selector, issuer, iso(issuedBefore)), now, longestTokenMs),
  )
}
