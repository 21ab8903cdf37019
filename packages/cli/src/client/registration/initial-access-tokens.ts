import { confirmedWithinMs, type ManagementClient, type Scopes } from '../management.ts'
import { readPages } from '../pages.ts'
import { withLackingScopes } from './lacking-scope.ts'

/** An initial access token as the API tells it; never itself. Times are ISO 8601. */
export interface InitialAccessToken {
  id: string
  label: string
  /** The only profile that it registers by. */
  client_profile?: string
  /** The only client that it registers, also in place of what is registered by that id. */
  client_id?: string
  max_usages: number
  used: number
  created_by: string
  created_at: string
  expires_at: string
  revoked_at?: string
  status: 'active' | 'spent' | 'expired' | 'revoked'
}

/** The reply to making one: the only one that ever holds the token. */
export type NewInitialAccessToken = Omit<InitialAccessToken, 'status'> & { token: string }

/** What one may do. */
export interface Grant {
  label: string
  /** Seconds. */
  expires_in: number
  max_usages: number
  client_profile?: string
  client_id?: string
}

const path = '/api/admin/dcr/initial-access-tokens'
const scope: Scopes = 'admin.api dcr.register'

/** Makes an initial access token. */
export async function createInitialAccessToken(client: ManagementClient, grant: Grant): Promise<NewInitialAccessToken> {
  return await withLackingScopes(scope, (scopes) =>
    client.call<NewInitialAccessToken>({
      method: 'POST',
      path,
      scope: scopes,
      body: grant,
      failure: 'no initial access token was made',
      // One whose reply was lost is nobody's, and ends by itself.
      repeatable: true,
    }),
  )
}

/** The initial access tokens of the caller's organization, at most so many. */
export async function listInitialAccessTokens(client: ManagementClient, limit: number) {
  const listing = { path, scope, query: {}, failure: 'the initial access tokens cannot be read', limit }
  type Reply = { initial_access_tokens: InitialAccessToken[]; nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => reply.initial_access_tokens)
  return { initial_access_tokens: entries, nextCursor }
}

/** Nobody registers by it any more. What was registered by it stays. */
export async function revokeInitialAccessToken(client: ManagementClient, id: string): Promise<void> {
  await client.call<undefined>({
    method: 'DELETE',
    path: `${path}/${encodeURIComponent(id)}`,
    scope,
    failure: `initial access token ${id} was not revoked`,
    repeatable: true,
    replyWithinMs: confirmedWithinMs,
  })
}
