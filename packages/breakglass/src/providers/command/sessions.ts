import { denyEntryOf } from '../../incident/deny-entry.ts'
import type { SessionSelector } from '../../incident/plan.ts'

/** What instances deny for the sessions of a plan: `moment` is for those that name no `issuedBefore` of their own. */
export function denyEntries(
  sessions: readonly SessionSelector[],
  issuer: string,
  moment: string,
): Record<string, string>[] {
  return sessions.map((selector) => {
    const own = 'issuedBefore' in selector ? selector.issuedBefore : undefined
    return denyEntryOf(selector, issuer, own ?? moment)
  })
}
