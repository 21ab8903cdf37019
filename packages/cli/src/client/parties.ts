import type { Credential } from '../estate/document.ts'
import type { TrustRevision, VerifierView } from './keyring.ts'
import { type ManagementClient, pathAt } from './management.ts'

/** An instance of the IdP, or of the backend for frontend. Times are ISO 8601. */
export interface InstanceView {
  /** Whose it is; the IdP's where it is not said. Each has a database and revisions of its own. */
  of?: 'bff'
  id: string
  /** Where it itself is reached. */
  address: string
  /** It has applied every change of the database up to this revision. */
  applied: number
  startedAt: string
  leaseUntil: string
  /** False when its lease is over without a goodbye. An IdP of an earlier release lists none of those, and does not say. */
  live?: boolean
}

/** The verifiers, and what they have to hold to be granted a lease. An IdP of an earlier release does not tell that. */
export interface VerifierList {
  newest?: TrustRevision
  verifiers: VerifierView[]
}

/** Every verifier process that has a lease or had one lately. */
export async function listVerifiers(client: ManagementClient): Promise<VerifierList> {
  return await client.call<VerifierList>({
    method: 'GET',
    path: '/verifiers',
    scope: 'keyrings:read',
    failure: 'the verifiers cannot be read',
  })
}

/** Every instance of the IdP that holds its lease, and those that are gone without a word and were not replaced. */
export async function listInstances(client: ManagementClient): Promise<InstanceView[]> {
  const reply = await client.call<{ instances: InstanceView[] }>({
    method: 'GET',
    path: '/instances',
    scope: 'keyrings:read',
    failure: 'the instances cannot be read',
  })
  return reply.instances
}

/** The same of the backend for frontend. */
export async function listBffInstances(client: ManagementClient): Promise<InstanceView[]> {
  const { instances } = await client.call<{ instances: InstanceView[] }>({
    method: 'GET',
    ...pathAt('bff', '/instances'),
    scope: 'keyrings:read',
    failure: 'the instances of the backend for frontend cannot be read',
  })
  return instances.map((instance) => ({ ...instance, of: 'bff' as const }))
}

/** Registers a verifier. The secret is in this reply and nowhere else. */
export async function createVerifier(client: ManagementClient, name: string): Promise<Credential & { name: string }> {
  const { clientId, clientSecret } = await client.call<Credential>({
    method: 'POST',
    path: '/verifiers',
    scope: 'keyrings:write',
    body: { name },
    failure: `the verifier ${name} was not created`,
  })
  return { clientId, clientSecret, name }
}

/** Forgets a verifier process: no gate waits for it until it renews again. */
export async function forgetVerifier(client: ManagementClient, id: string): Promise<void> {
  await client.call<undefined>({
    method: 'DELETE',
    path: `/verifiers/${encodeURIComponent(id)}`,
    scope: 'keyrings:write',
    failure: `verifier ${id} was not forgotten`,
  })
}
