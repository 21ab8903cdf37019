import type { SessionSelector } from '../../incident/plan.ts'

/** What instances deny for the sessions of a plan: `moment` is for those that name no `issuedBefore` of their own. */
export function denyEntries(
  sessions: readonly SessionSelector[],
  issuer: string,
  moment: string,
): Record<string, string>[] {
  return sessions.map((selector): Record<string, string> => {
    if ('sid' in selector) return { sid: selector.sid }
    const issuedBefore = selector.issuedBefore ?? moment
    if ('sub' in selector) return { sub: selector.sub, issuedBefore }
    if ('clientId' in selector) return { client_id: selector.clientId, issuedBefore }
    return { iss: issuer, issuedBefore }
  })
}
