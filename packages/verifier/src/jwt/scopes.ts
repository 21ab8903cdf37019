import type { JwtClaims } from './claims.ts'

/** RFC 6749 §3.3: scopes are divided by spaces, and by nothing else. Some issuers send a list instead. */
function* scopesIn(claim: unknown): Iterable<string> {
  const scopes: readonly unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : []
  for (const scope of scopes) if (typeof scope === 'string' && scope !== '') yield scope
}

/**
 * The scopes of a token: those in `scope` (RFC 9068 §2.2.3) and in `scp` (Entra ID, Okta), each a text with spaces or
 * a list. Whatever else these claims hold gives no scope and no error.
 */
export function scopesOf(claims: JwtClaims): ReadonlySet<string> {
  return new Set([...scopesIn(claims.scope), ...scopesIn(claims.scp)])
}
