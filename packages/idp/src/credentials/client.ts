import type { IdpDatabase } from '../tables.ts'

/** What the token endpoint needs to know of a client. */
export interface ClientCredential {
  clientId: string
  organizationId: string
  scopes: readonly string[]
  secretHash: Buffer
  /** Milliseconds since the epoch. */
  expiresAt: number | null
}

/** The topic under which a change to an agent or its credential is announced; the key is the agent's id. */
export const agentTopic = 'agent'

/** The credential of an active agent. */
export async function findCredential(db: IdpDatabase, clientId: string): Promise<ClientCredential | undefined> {
  const row = await db
    .selectFrom('credentials')
    .innerJoin('agents', 'agents.agent_id', 'credentials.agent_id')
    .select(['agents.agent_id', 'organization_id', 'scopes', 'secret_hash', 'expires_at'])
    .where('agents.agent_id', '=', clientId)
    .where('agents.status', '=', 'active')
    .where('credentials.status', '=', 'active')
    .executeTakeFirst()
  if (!row) return undefined
  return {
    clientId: row.agent_id,
    organizationId: row.organization_id,
    scopes: row.scopes,
    secretHash: row.secret_hash,
    expiresAt: row.expires_at,
  }
}
