import type { JwtClaims } from './claims.ts'

/** The member itself, never one that every object inherits: a client may be called `constructor`. */
function member(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/** A list, or the one role itself: some issuers write a list of one without the list. */
function rolesIn(value: unknown): string[] {
  const roles: readonly unknown[] = Array.isArray(value) ? value : [value]
  return roles.filter((role): role is string => typeof role === 'string' && role !== '')
}

/**
 * The roles of a token: those in `roles` (RFC 9068 §2.2.3.1, Entra ID) and in Keycloak's `realm_access.roles`; with
 * `client` also those that Keycloak gives for that client in `resource_access[client].roles`. Whatever else these
 * claims hold gives no role and no error.
 */
export function rolesOf(claims: JwtClaims, client?: string): ReadonlySet<string> {
  const ofRealm = member(claims.realm_access, 'roles')
  const ofClient = client === undefined ? undefined : member(member(claims.resource_access, client), 'roles')
  return new Set([...rolesIn(claims.roles), ...rolesIn(ofRealm), ...rolesIn(ofClient)])
}
