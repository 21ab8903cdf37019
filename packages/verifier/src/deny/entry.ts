/**
 * What is denied: all tokens signed by a key, one token, all tokens of a session, or all that a subject or a client got, or
 * an issuer issued, before a moment. Times are ISO 8601 in UTC. `expiresAt` is when the last token concerned ends, where that
 * is known.
 */
export type DenyEntry =
  | { readonly kid: string }
  | { readonly jti: string; readonly expiresAt?: string }
  | { readonly sid: string; readonly expiresAt?: string }
  | { readonly sub: string; readonly issuedBefore: string }
  | { readonly client_id: string; readonly issuedBefore: string }
  | { readonly iss: string; readonly issuedBefore: string }

/** Where a trust source puts the entries that its issuer sends. */
export interface DenySink {
  /** These are all that the issuer denies: what it denied before and does not name now, it allows again. */
  replace(entries: readonly DenyEntry[]): void
  change(add: readonly DenyEntry[], drop: readonly DenyEntry[]): void
}

export type DenyKind = 'kid' | 'jti' | 'sid' | 'sub' | 'client_id' | 'iss'
