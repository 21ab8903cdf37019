import type { ManagementClient } from './management.ts'

/** A root key as the IdP tells of it: its id is derived from it and says nothing about it. */
export interface RootKeyView {
  id: string
  /** What is sealed now is sealed by this one. */
  sealing: boolean
  /** Whether every live instance holds it. */
  heldByAll: boolean
  /** How many things it has sealed. */
  sealed: number
  /** How many of them are private keys; missing where the IdP is of a release that does not tell. */
  keys?: number
}

/** The root keys that the IdP knows, newest first. */
export async function listRootKeys(client: ManagementClient): Promise<RootKeyView[]> {
  const reply = await client.call<{ keys: RootKeyView[] }>({
    method: 'GET',
    path: '/root-keys',
    scope: 'keyrings:read',
    failure: 'the root keys cannot be read',
  })
  return reply.keys
}
