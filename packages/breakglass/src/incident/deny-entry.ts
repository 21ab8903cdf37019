import type { SessionSelector } from './plan.ts'

/** As verifiers take it; times are ISO 8601. */
type SessionEntry =
  | { sid: string }
  | { sub: string; issuedBefore: string }
  | { client_id: string; issuedBefore: string }
  | { iss: string; issuedBefore: string }

/** What verifiers deny so that sessions end: those of a selector, or all that the issuer began, before a moment. */
export function denyEntryOf(selector: SessionSelector, issuer: string, issuedBefore: string): SessionEntry {
  if ('sid' in selector) return { sid: selector.sid }
  if ('sub' in selector) return { sub: selector.sub, issuedBefore }
  return 'clientId' in selector ? { client_id: selector.clientId, issuedBefore } : { iss: issuer, issuedBefore }
}
