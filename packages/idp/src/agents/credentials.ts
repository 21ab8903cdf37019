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

/**
 * Credentials in memory, filled from the database at first use.
 *
 * A read that was under way while its agent changed is done again: it may have seen the old row.
 *
 * @param requireRoom throws when the database has no room for another read
 */
export function credentialCache(db: IdpDatabase, requireRoom: () => void) {
  const known = new Map<string, ClientCredential>()
  const reads = new Map<string, Promise<ClientCredential | undefined>>()

  function read(clientId: string): Promise<ClientCredential | undefined> {
    requireRoom()
    const reading: Promise<ClientCredential | undefined> = findCredential(db, clientId).then(
      (found) => {
        // Its agent changed meanwhile: what was read may be the old row.
        if (reads.get(clientId) !== reading) return get(clientId)
        reads.delete(clientId)
        if (found) known.set(clientId, found)
        return found
      },
      (error) => {
        if (reads.get(clientId) === reading) reads.delete(clientId)
        throw error
      },
    )
    reads.set(clientId, reading)
    return reading
  }

  /** @returns the credential at once when it is known, so that the common path has nothing to wait for */
  function get(clientId: string): ClientCredential | Promise<ClientCredential | undefined> {
    return known.get(clientId) ?? reads.get(clientId) ?? read(clientId)
  }

  return {
    get,
    forget(clientId: string): void {
      known.delete(clientId)
      reads.delete(clientId)
    },
    forgetAll(): void {
      known.clear()
      reads.clear()
    },
  }
}

export type CredentialCache = ReturnType<typeof credentialCache>

async function findCredential(db: IdpDatabase, clientId: string): Promise<ClientCredential | undefined> {
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
