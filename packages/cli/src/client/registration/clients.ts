import { confirmedWithinMs, type ManagementClient, type Scopes } from '../management.ts'
import { readPages } from '../pages.ts'
import { withLackingScopes } from './lacking-scope.ts'

interface Common {
  client_id: string
  client_name?: string
  client_profile: string
  status: string
  registered_at: string
  changed_at: string
}

/** A registered client in a list. Times are ISO 8601. */
export interface ClientEntry extends Common {
  token_endpoint_auth_method?: string
  kids: string[]
}

/** A key that a client may authenticate by. */
export interface ClientKey {
  kid: string
  alg?: string
  from: 'jwks' | 'jwks_uri'
  first_seen_at?: string
}

/** One registered client. `metadata` is what it registered (RFC 7591 §2). */
export interface ClientDetail extends Common {
  organization_id: string
  scope: string
  metadata: Readonly<Record<string, unknown>>
  keys: ClientKey[]
  keys_fetched_at?: string
  credentials: { credential_id: string; kind: string; status: string; created_at: string; rotated_at: string }[]
  registration_access_tokens: { state: 'active' | 'pending'; issued_at: string; expires_at?: string }[]
}

/** The reply to issuing one: the only one that holds the token. */
export interface NewRegistrationToken {
  registration_access_token: string
  registration_client_uri: string
  expires_at?: string
}

/** The reply to changing a client's secret: the only one that holds it. */
export interface NewSecret {
  client_id: string
  client_secret: string
  overlap_ends_at?: string
}

const path = '/api/admin/dcr/clients'
const scope: Scopes = 'admin.api dcr.admin'

/** The registered clients of the caller's organization, at most so many. */
export async function listClients(client: ManagementClient, limit: number) {
  const listing = { path, scope, query: {}, failure: 'the registered clients cannot be read', limit }
  type Reply = { clients: ClientEntry[]; nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => reply.clients)
  return { clients: entries, nextCursor }
}

export async function readClient(client: ManagementClient, id: string): Promise<ClientDetail> {
  const failure = `client ${id} cannot be read`
  return await client.call<ClientDetail>({ method: 'GET', path: below(id), scope, failure })
}

/** Gives a client that lost its registration access token another one; every one before it is dead. */
export async function issueRegistrationToken(client: ManagementClient, id: string): Promise<NewRegistrationToken> {
  return await withLackingScopes(scope, (scopes) =>
    client.call<NewRegistrationToken>({
      method: 'POST',
      path: below(id, 'tokens'),
      scope: scopes,
      failure: `client ${id} got no registration access token`,
      once: true,
      replyWithinMs: confirmedWithinMs,
    }),
  )
}

/** Another secret for a client. Without an overlap the old one is dead on every instance by then. */
export async function changeSecret(client: ManagementClient, id: string, overlap?: string): Promise<NewSecret> {
  return await withLackingScopes(scope, (scopes) =>
    client.call<NewSecret>({
      method: 'POST',
      path: below(id, 'secret'),
      scope: scopes,
      body: overlap === undefined ? {} : { overlap },
      failure: `the secret of client ${id} was not changed`,
      once: true,
      replyWithinMs: confirmedWithinMs,
    }),
  )
}

/** Ends a client for good: its credentials, its tokens and its registration. */
export async function removeClient(client: ManagementClient, id: string): Promise<void> {
  await client.call<undefined>({
    method: 'DELETE',
    path: below(id),
    scope,
    failure: `client ${id} was not removed`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}

function below(id: string, ...rest: string[]): string {
  return [path, ...[id, ...rest].map(encodeURIComponent)].join('/')
}
