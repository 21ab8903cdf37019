import { OAuthError } from '../error.ts'

/** Scopes that administer. They are only ever granted by name, and only in an opaque token. */
export const managementScopes: readonly string[] = [
  'agents:read',
  'agents:write',
  'tokens:read',
  'audit:read',
  'webhooks:read',
  'webhooks:write',
  'keyrings:read',
  'keyrings:write',
  'incidents:write',
  'links:write',
  'admin.api',
  'dcr.register',
  'dcr.admin',
]
const management = new Set(managementScopes)

/** Asking for this scope asks for every management scope that the client may have. */
export const everyManagementScope = 'management'

/** `scope-token` of RFC 6749 §3.3. */
export const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** What a client gets for what it asked. */
export interface Grant {
  /** As the reply and the token say it: separated by spaces, perhaps empty. */
  scope: string
  /** Does it administer? Then it must be an opaque token. */
  management: boolean
}

/** A client asks for the same thing each time. Bounded, because it chooses what it asks for. */
const remembered = new WeakMap<readonly string[], Map<string, Grant>>()
const mostRemembered = 16

/**
 * What a client gets for what it asks.
 *
 * @param asked the parameter `scope`; absent or empty asks for everything that does not administer
 * @param allowed the scopes that the client may have; never changed in place
 * @throws OAuthError `invalid_scope`
 */
export function grantScopes(asked: string | undefined, allowed: readonly string[]): Grant {
  const known = remembered.get(allowed)
  const found = known?.get(asked ?? '')
  if (found) return found
  const scopes = asked ? named(asked, allowed) : allowed.filter((scope) => !management.has(scope))
  const grant = { scope: scopes.join(' '), management: scopes.some((scope) => management.has(scope)) }
  const grants = known && known.size < mostRemembered ? known : new Map<string, Grant>()
  remembered.set(allowed, grants.set(asked ?? '', grant))
  return grant
}

function named(asked: string, allowed: readonly string[]): string[] {
  const names = new Set(asked.split(' '))
  for (const name of names) if (!scopeToken.test(name)) throw new OAuthError('invalid_scope', 'scope is malformed')
  const scopes = names.delete(everyManagementScope) ? allowed.filter((scope) => management.has(scope)) : []
  for (const name of names) {
    if (!allowed.includes(name)) {
      throw new OAuthError('invalid_scope', 'this client may not have a scope that it asked for')
    }
    if (!scopes.includes(name)) scopes.push(name)
  }
  if (scopes.length === 0) throw new OAuthError('invalid_scope', 'this client may have no management scope')
  return scopes
}
