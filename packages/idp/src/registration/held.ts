import type { Transaction } from 'kysely'
import type { AgentStatus } from '../agents/agent.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { ClientMetadata } from './stored.ts'

/** A registered client as it stands in its rows. */
export interface HeldClient {
  clientId: string
  organizationId: string
  status: AgentStatus
  scopes: readonly string[]
  profile: string
  metadata: ClientMetadata
  revision: number
  /** Milliseconds since the epoch. */
  registeredAt: number
  changedAt: number
}

/** @throws IdpError `UNKNOWN_CLIENT`, or `FORBIDDEN` when it is of another organization than the caller */
export async function clientOf(db: IdpDatabase, caller: Caller, clientId: string): Promise<HeldClient> {
  return ofCaller(await find(db, clientId).executeTakeFirst(), caller)
}

/**
 * Reads a client that is about to change. It stands still until the transaction ends.
 *
 * @throws IdpError `UNKNOWN_CLIENT`, or `FORBIDDEN` when it is of another organization than the caller
 */
export async function lockClient(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  clientId: string,
): Promise<HeldClient> {
  return ofCaller(await find(transaction, clientId).forUpdate().executeTakeFirst(), caller)
}

function find(db: IdpDatabase, clientId: string) {
  return db
    .selectFrom('agents')
    .innerJoin('clients', 'clients.client_id', 'agents.agent_id')
    .select(['agent_id', 'organization_id', 'status', 'scopes', 'profile', 'metadata', 'clients.revision'])
    .select(['registered_at', 'clients.changed_at'])
    .where('agent_id', '=', clientId)
}

type Row = NonNullable<Awaited<ReturnType<ReturnType<typeof find>['executeTakeFirst']>>>

function ofCaller(row: Row | undefined, { organizationId }: Caller): HeldClient {
  if (!row) throw new IdpError('UNKNOWN_CLIENT', 'there is no such client')
  if (row.organization_id !== organizationId) throw new IdpError('FORBIDDEN', 'the client is not of your organization')
  return {
    clientId: row.agent_id,
    organizationId,
    status: row.status as AgentStatus,
    scopes: row.scopes,
    profile: row.profile,
    metadata: row.metadata,
    revision: row.revision,
    registeredAt: row.registered_at,
    changedAt: row.changed_at,
  }
}
