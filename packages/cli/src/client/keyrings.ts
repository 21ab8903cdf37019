import type { KeyringView } from './keyring.ts'
import type { ManagementClient } from './management.ts'

type Act = 'prepare' | 'rotate' | 'rollback' | 'discard' | 'revoke'

const refusals: Readonly<Record<Act, string>> = {
  prepare: 'no version was prepared',
  rotate: 'the rotation was not started',
  rollback: 'nothing was rolled back',
  discard: 'nothing was discarded',
  revoke: 'nothing was revoked',
}

// Answered when every live instance signs with the standby, the verifiers had their two seconds and every instance
// confirmed the revocation: with leases of 5 s, 15 s at most, and some air.
const revokeWithinMs = 30_000

/** All keyrings of the estate. */
export async function listKeyrings(client: ManagementClient): Promise<KeyringView[]> {
  const reply = await client.call<KeyringView[] | { keyrings: KeyringView[] }>({
    method: 'GET',
    path: '/keyrings',
    scope: 'keyrings:read',
    failure: 'the keyrings cannot be read',
  })
  return Array.isArray(reply) ? reply : reply.keyrings
}

/** One keyring by its name. */
export async function readKeyring(client: ManagementClient, name: string): Promise<KeyringView> {
  return await client.call<KeyringView>({
    method: 'GET',
    path: `/keyrings/${encodeURIComponent(name)}`,
    scope: 'keyrings:read',
    failure: `keyring ${name} cannot be read`,
  })
}

/** Asks for one of the lifecycle's acts; answers with the keyring as it is then. */
export async function act(client: ManagementClient, name: string, what: Act, body: object = {}): Promise<KeyringView> {
  return await client.call<KeyringView>({
    method: 'POST',
    path: `/keyrings/${encodeURIComponent(name)}/${what}`,
    scope: 'keyrings:write',
    body,
    failure: `${name}: ${refusals[what]}`,
    // Revoking what is revoked changes nothing; any other act would be done a second time.
    ...(what === 'revoke' ? { replyWithinMs: revokeWithinMs, repeatable: true } : {}),
  })
}
