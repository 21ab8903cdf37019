import { recordEvents } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { hashSecret } from '../../credentials/secret.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'

/** An initial access token (RFC 7591 §3) as whoever registers bears it. */
export interface InitialToken {
  tokenId: string
  organizationId: string
  /** The only profile that it is good for. */
  profile: string | null
  /** The only client that it is good for. */
  clientId: string | null
  /** Why nobody registers by it any more; a reply that was lost is given by it all the same. */
  over: 'spent' | 'expired' | undefined
  revoked: boolean
}

/** Lets a leaked token be recognised by its shape. */
export const initialTokenPrefix = 'rki_'

/** In the audit, and wherever else somebody who calls has a name: no client has one with a slash. */
export function bearerName({ tokenId }: Pick<InitialToken, 'tokenId'>): string {
  return `initial-access-token/${tokenId}`
}

export async function findInitialToken(db: IdpDatabase, token: string): Promise<InitialToken | undefined> {
  const row = await db
    .selectFrom('initial_access_tokens')
    .select(['token_id', 'organization_id', 'profile', 'client_id', 'revoked_at'])
    .select(sql<boolean>`expires_at <= now()`.as('expired'))
    .select(sql<boolean>`used >= max_usages`.as('spent'))
    .where('token_hash', '=', hashSecret(token))
    .executeTakeFirst()
  if (!row) return undefined
  return {
    tokenId: row.token_id,
    organizationId: row.organization_id,
    profile: row.profile,
    clientId: row.client_id,
    over: row.expired ? 'expired' : row.spent ? 'spent' : undefined,
    revoked: row.revoked_at !== null,
  }
}

/**
 * Uses a token once, in the transaction of the registration: whoever else registers by it waits from here on.
 *
 * @returns whether there was a use left
 */
export async function useInitialToken(transaction: Transaction<IdpTables>, tokenId: string): Promise<boolean> {
  const used = await transaction
    .updateTable('initial_access_tokens')
    .set({ used: sql`used + 1` })
    .where('token_id', '=', tokenId)
    .where(sql<boolean>`used < max_usages AND expires_at > clock_timestamp() AND revoked_at IS NULL`)
    .returning('token_id')
    .executeTakeFirst()
  return used !== undefined
}

/**
 * Revokes the tokens by which a client that an administrator ends would begin anew. It comes before the agent's lock: whoever
 * registers takes a token's row, and then that. Those that were made since it ended are meant to bring it back, and stay.
 */
export async function revokeTokensBoundTo(
  transaction: Transaction<IdpTables>,
  { clientId: actor, organizationId }: Caller,
  agentId: string,
): Promise<void> {
  const revoked = await transaction
    .updateTable('initial_access_tokens')
    .set({ revoked_at: sql`now()` })
    .where('client_id', '=', agentId)
    .where('organization_id', '=', organizationId)
    .where(sql<boolean>`used < max_usages AND expires_at > now() AND revoked_at IS NULL`)
    .where(sql<boolean>`EXISTS (SELECT FROM agents WHERE agent_id = ${agentId} AND status <> 'decommissioned')`)
    .returning(['token_id', 'used'])
    .execute()
  const events = revoked.map(({ token_id, used }) => ({
    action: 'initial_access_token.revoked',
    outcome: 'success' as const,
    actor,
    agentId,
    organizationId,
    details: { initialAccessToken: token_id, used, reason: 'the client that it is for was ended' },
  }))
  await recordEvents(transaction, events)
}
