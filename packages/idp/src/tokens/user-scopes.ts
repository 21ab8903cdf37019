import { claimsByScope } from '../accounts/claims.ts'

/** Scopes that say what a client may know of a user (OpenID Connect Core §5.4), and not what it may do by itself. */
export const userScopes: readonly string[] = ['openid', 'offline_access', ...Object.keys(claimsByScope)]

const own = new WeakMap<readonly string[], readonly string[]>()

/** The scopes that a client may have where no user is. @param allowed never changed in place */
export function ownScopes(allowed: readonly string[]): readonly string[] {
  const known = own.get(allowed)
  if (known) return known
  const scopes = allowed.filter((scope) => !userScopes.includes(scope))
  own.set(allowed, scopes)
  return scopes
}
