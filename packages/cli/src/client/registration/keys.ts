import { confirmedWithinMs, type ManagementClient } from '../management.ts'
import { withLackingScopes } from './lacking-scope.ts'

/** A set of public keys (RFC 7517 §5). */
export interface KeySet {
  keys: readonly Readonly<Record<string, unknown>>[]
}

const scope = 'dcr.admin'

/** The public keys that a registered client may authenticate by. */
export async function readKeys(client: ManagementClient, id: string): Promise<KeySet> {
  const failure = `the keys of client ${id} cannot be read`
  return await client.call<KeySet>({ method: 'GET', path: pathOf(id), scope, failure })
}

/** Keys in place of those that a client has, or of its `jwks_uri`. @returns those that it has now */
export async function replaceKeys(client: ManagementClient, id: string, keys: KeySet): Promise<KeySet> {
  return await change(client, id, 'PUT', keys)
}

/** Keys beside those that a client has. @returns those that it has now */
export async function addKeys(client: ManagementClient, id: string, keys: KeySet): Promise<KeySet> {
  return await change(client, id, 'POST', keys)
}

/** Has a client's `jwks_uri` read at once. @returns the keys that it has now */
export async function refreshKeys(client: ManagementClient, id: string): Promise<KeySet> {
  return await change(client, id, 'POST', undefined)
}

async function change(client: ManagementClient, id: string, method: 'PUT' | 'POST', body: KeySet | undefined) {
  return await withLackingScopes(scope, (scopes) =>
    client.call<KeySet>({
      method,
      path: pathOf(id),
      scope: scopes,
      body,
      failure: `the keys of client ${id} were not changed`,
      // The same keys once more change nothing.
      repeatable: true,
      replyWithinMs: confirmedWithinMs,
    }),
  )
}

function pathOf(id: string): string {
  return `/api/clients/${encodeURIComponent(id)}/jwks`
}
