import { type ManagementClient, type Of, ownerOf, pathAt } from './management.ts'

/** A root key as a service tells of it: its id is derived from it and says nothing about it. */
export interface RootKeyView {
  id: string
  /** What is sealed now is sealed by this one. */
  sealing: boolean
  /** Whether every live instance holds it. */
  heldByAll: boolean
  /** How many things it has sealed. */
  sealed: number
  /** How many of them are private keys; missing where it is of a release that does not tell. */
  keys?: number
}

/** The root keys that a service knows, newest first. */
export async function listRootKeys(client: ManagementClient, of?: Of): Promise<RootKeyView[]> {
  const reply = await client.call<{ keys: RootKeyView[] }>({
    method: 'GET',
    ...pathAt(of, '/root-keys'),
    scope: 'keyrings:read',
    failure: `the root keys${ownerOf(of)} cannot be read`,
  })
  return reply.keys
}
