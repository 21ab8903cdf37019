import type {
  CredentialDetail,
  CredentialView,
  Ending,
  EndingCredential,
  ExpiringCredential,
  IssuedCredential,
  OverdueCredential,
} from './credential.ts'
import { scopesToGive } from './granting.ts'
import { confirmedWithinMs, type ManagementClient, type Scopes } from './management.ts'
import { readPages } from './pages.ts'

/** The credentials of an agent. */
export async function listCredentials(client: ManagementClient, agentId: string, status?: string) {
  const failure = `the credentials of agent ${agentId} cannot be read`
  const path = below(agentId)
  const listing = { path, scope: 'agents:read', query: { status }, failure, limit: Number.POSITIVE_INFINITY } as const
  type Reply = { credentials: CredentialView[]; nextCursor: string | null }
  return (await readPages(client, listing, (reply: Reply) => reply.credentials)).entries
}

/** One credential with its versions and their uses. */
export async function readCredential(client: ManagementClient, agentId: string, id: string): Promise<CredentialDetail> {
  return await client.call<CredentialDetail>({
    method: 'GET',
    path: below(agentId, id),
    scope: 'agents:read',
    failure: `credential ${id} cannot be read`,
  })
}

/** Gives an agent one more credential: a secret, which is in this reply and nowhere else, or the public half of its key. */
export async function createCredential(
  client: ManagementClient,
  { agentId, scopes }: Of,
  body: { expiresAt?: string; kind?: 'client-key'; jwk?: object },
  failure = `agent ${agentId} got no credential`,
): Promise<IssuedCredential> {
  return await issue(client, scopesToGive(scopes), below(agentId), body, failure)
}

/** Replaces the secret, or key, of a credential. Without an overlap the old secret is dead on every instance by then. */
export async function rotateCredential(
  client: ManagementClient,
  { agentId, scopes }: Of,
  id: string,
  body: { expiresAt?: string; overlap?: string; jwk?: object },
): Promise<IssuedCredential> {
  return await issue(
    client,
    scopesToGive(scopes),
    below(agentId, id, 'rotate'),
    body,
    `credential ${id} was not rotated`,
  )
}

/** Shuts a credential out for good, with the tokens for management that it obtained. */
export async function revokeCredential(
  client: ManagementClient,
  agentId: string,
  id: string,
  body: { reason: string; incident?: string },
): Promise<CredentialView> {
  return await client.call<CredentialView>({
    method: 'POST',
    path: below(agentId, id, 'revoke'),
    scope: 'agents:write',
    body,
    failure: `credential ${id} was not revoked`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}

/**
 * The credentials of the caller's organization whose rotation is overdue.
 *
 * @returns the first of them, those first that were rotated longest ago, and how many there are (10,000 at most)
 */
export async function overdueCredentials(client: ManagementClient, limit = 50) {
  const failure = 'it cannot be read which credentials are overdue'
  const listing = { path: '/credentials', scope: 'agents:read', query: { due: 'overdue' }, failure, limit } as const
  let total = 0
  type Reply = { credentials: OverdueCredential[]; nextCursor: string | null; total: number }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => {
    total = reply.total
    return reply.credentials
  })
  return { credentials: entries, total, nextCursor }
}

/**
 * The credentials of the caller's organization that expire soon.
 *
 * @param asked within which time, as in 30d (by default as the identity provider says), and of what agents
 */
export function expiringCredentials(
  client: ManagementClient,
  asked: { within?: string; environment?: string } = {},
  limit = 50,
) {
  return listEnding<ExpiringCredential>(client, asked, 'it cannot be read which credentials expire soon', limit)
}

/** Those that expired within the last 7 days and left their agents with none that can be used. */
export function expiredCredentials(client: ManagementClient, asked: { environment?: string } = {}, limit = 50) {
  const query = { ...asked, status: 'expired' }
  return listEnding<EndingCredential>(client, query, 'it cannot be read which credentials have expired', limit)
}

async function listEnding<Credential extends EndingCredential>(
  client: ManagementClient,
  query: Readonly<Record<string, string>>,
  failure: string,
  limit: number,
): Promise<Ending<Credential> & { nextCursor: string | null }> {
  const listing = { path: '/credentials/expiring', scope: 'agents:read', query, failure, limit } as const
  let counted: Omit<Ending<Credential>, 'credentials'> = { total: 0 }
  type Reply = Ending<Credential> & { nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, ({ total, elsewhere, credentials }: Reply) => {
    counted = { total, ...(elsewhere ? { elsewhere } : {}) }
    return credentials
  })
  return { credentials: entries, ...counted, nextCursor }
}

/** Whose credential it is, and what that agent may do. */
interface Of {
  agentId: string
  scopes?: readonly string[]
}

async function issue(
  client: ManagementClient,
  scope: Scopes,
  path: string,
  body: object,
  failure: string,
): Promise<IssuedCredential> {
  const replyWithinMs = confirmedWithinMs
  return await client.call<IssuedCredential>({ method: 'POST', path, scope, body, failure, once: true, replyWithinMs })
}

function below(agentId: string, ...rest: string[]): string {
  return `/agents/${[agentId, 'credentials', ...rest].map(encodeURIComponent).join('/')}`
}
