import { iso } from '@rekey/service'
import { headerValue } from '../http/header-value.ts'
import type { Claims } from '../provider/provider.ts'
import type { LiveSession } from '../sessions/session.ts'

/** Claims that are about the token, and not about the user (OpenID Connect Core §2, RFC 7519 §4.1). */
const aboutToken: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'azp', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'at_hash', 'c_hash', 's_hash', 'sid'],
  ...['auth_time', 'acr', 'amr', 'rt_hash', 'urn:openid:params:jwt:claim:rt_hash'],
])

/** What pages are told of who is logged in. */
export function shownSession(session: LiveSession, csrfToken: string) {
  return {
    authenticated: true as const,
    user: userIn(session.claims),
    csrf_token: csrfToken,
    expires_at: iso(session.expiresAt),
  }
}

function userIn(claims: Claims): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !aboutToken.has(name)))
}

/** What a reverse proxy may hand on to the services behind it. Never a token: browsers can ask for this as well. */
export function identityHeaders({ id, sub, claims }: LiveSession): Record<string, string> {
  const roles = Array.isArray(claims.roles) ? claims.roles.filter((role) => typeof role === 'string') : []
  return {
    'x-auth-subject': headerValue(sub),
    'x-auth-session': id,
    'x-auth-roles': roles.map(headerValue).join(','),
  }
}
