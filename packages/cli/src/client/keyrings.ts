import type { KeyringView } from './keyring.ts'
import { type Call, type ManagementClient, pathAt } from './management.ts'

/** By its name one knows whose a keyring is: these are the backend for frontend's, and all others the IdP's. */
const bffKeyrings: ReadonlySet<string> = new Set(['bff-client', 'csrf', 'session', 'state', 'token-hash', 'ua-hash'])

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
// Answered when the identity provider has the key, which it is asked to take by several requests, each tried twice for 5 s;
// another replica may be at it before.
const clientKeyWithinMs = 120_000

/** All keyrings of the IdP. */
export async function listKeyrings(client: ManagementClient): Promise<KeyringView[]> {
  return await list(client, { path: '/keyrings', failure: 'the keyrings cannot be read' })
}

/** All keyrings of the backend for frontend. */
export async function listBffKeyrings(client: ManagementClient): Promise<KeyringView[]> {
  const failure = 'the keyrings of the backend for frontend cannot be read'
  return await list(client, { ...pathAt('bff', '/keyrings'), failure })
}

async function list(client: ManagementClient, of: Pick<Call, 'of' | 'path' | 'failure'>): Promise<KeyringView[]> {
  const reply = await client.call<KeyringView[] | { keyrings: KeyringView[] }>({
    method: 'GET',
    scope: 'keyrings:read',
    ...of,
  })
  return Array.isArray(reply) ? reply : reply.keyrings
}

/** One keyring by its name. */
export async function readKeyring(client: ManagementClient, name: string): Promise<KeyringView> {
  return await client.call<KeyringView>({
    method: 'GET',
    ...addressOf(name),
    scope: 'keyrings:read',
    failure: `keyring ${name} cannot be read`,
  })
}

/** Asks for one of the lifecycle's acts; answers with the keyring as it is then. */
export async function act(client: ManagementClient, name: string, what: Act, body: object = {}): Promise<KeyringView> {
  return await client.call<KeyringView>({
    method: 'POST',
    ...addressOf(name, what),
    scope: 'keyrings:write',
    body,
    failure: `${name}: ${refusals[what]}`,
    ...patienceFor(name, what),
  })
}

function patienceFor(name: string, what: Act): Pick<Call, 'replyWithinMs' | 'repeatable'> {
  // Revoking what is revoked changes nothing; any other act would be done a second time.
  if (what === 'revoke') return { replyWithinMs: revokeWithinMs, repeatable: true }
  return name === 'bff-client' && what === 'rotate' ? { replyWithinMs: clientKeyWithinMs } : {}
}

function addressOf(name: string, ...rest: string[]): Pick<Call, 'of' | 'path'> {
  const path = ['/keyrings', encodeURIComponent(name), ...rest].join('/')
  return pathAt(bffKeyrings.has(name) ? 'bff' : undefined, path)
}
