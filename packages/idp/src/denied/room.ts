import { type DenyRules, mostDenied } from './store.ts'

/**
 * Clients fill half of the deny-list at most, each a small part of that: the rest is for whoever has an incident to contain.
 * Whoever administers may fill all of it, but for administrators of tenants, who have a larger part.
 */
const mostByClients = mostDenied / 2
const mostByClient = 1_000
const mostByTenant = 5_000

/** For a client that revokes its tokens. */
export function roomOfClient(clientId: string): DenyRules {
  return { most: mostByClients, share: { of: clientId, most: mostByClient } }
}

/** For an administrator of a tenant who revokes tokens of it. */
export function roomOfTenant(administrator: string): DenyRules {
  return { share: { of: administrator, most: mostByTenant } }
}

/**
 * For a client that deletes itself. Each is one entry; but whoever bears an initial access token of many uses can register and
 * delete one after the other. No client has a name with a slash.
 */
export function roomOfDeleted(organizationId: string): DenyRules {
  return { most: mostByClients, share: { of: `organization/${organizationId}`, most: mostByTenant } }
}
