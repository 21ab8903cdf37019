import { refused } from './judge.ts'

/** Names that the audit or a path would take for something else. */
const reserved: ReadonlySet<string> = new Set(['.', '..', 'rekey', 'anonymous', 'unknown', 'many'])

/** @throws OAuthError `invalid_client_metadata` */
export function requireClientId(clientId: string): void {
  const isReserved = reserved.has(clientId.toLowerCase()) || isOfEveryObject(clientId)
  if (/^[A-Za-z0-9._~-]{1,100}$/.test(clientId) && !isReserved) return
  throw refused('client_id: 1 to 100 letters, digits, dots, hyphens, underscores and tildes; some names are reserved')
}

/**
 * `__proto__`, `constructor` and the like: the OpenID provider keeps what it knows of a client as a member of that name, and what
 * it wrote there would be everybody's.
 */
export function isOfEveryObject(name: string): boolean {
  return name in Object.prototype
}

/**
 * The ids of accounts look like this, and to some programs also without hyphens. A client that had one of them as its own would be
 * taken for that user wherever tokens are told apart by `sub` alone (RFC 9068 §5).
 */
export function looksLikeAccount(clientId: string): boolean {
  return /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(clientId)
}
