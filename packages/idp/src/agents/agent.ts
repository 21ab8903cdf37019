import type { ColumnCipher } from '@rekey/database'
import { iso, time } from '@rekey/service'
import type { Selectable, Transaction } from 'kysely'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { encryptedMember, openedOf } from './encrypted.ts'

export type Agent = Selectable<IdpTables['agents']>

export const agentStatus = z.enum(['active', 'suspended', 'decommissioned'])
export type AgentStatus = z.infer<typeof agentStatus>

/** An agent as the API shows it. */
export const shownAgent = z.object({
  agentId: z.string().describe('Its `client_id` at the token endpoint'),
  organizationId: z.string(),
  name: z.string().optional(),
  email: z.string().optional(),
  agentType: z.string().optional(),
  version: z.string().optional(),
  capabilities: z.array(z.string()),
  owner: z.string().optional(),
  deploymentEnv: z.string().optional(),
  status: agentStatus.describe('Only an active one gets tokens; decommissioned is for ever'),
  scopes: z.array(z.string()).describe('What it may be granted'),
  createdAt: time,
  changedAt: time,
  unreadable: z.array(encryptedMember).optional().describe('What is stored of it and does not open'),
})

/** @throws DatabaseError `COLUMN_KEY_MISSING` */
export function showAgent(row: Agent, columns: Pick<ColumnCipher, 'open'>): z.infer<typeof shownAgent> {
  const agent = { ...row, ...openedOf(row, columns) }
  return {
    agentId: agent.agent_id,
    organizationId: agent.organization_id,
    name: agent.name ?? undefined,
    email: agent.email ?? undefined,
    agentType: agent.agent_type ?? undefined,
    version: agent.version ?? undefined,
    capabilities: agent.capabilities,
    owner: agent.owner ?? undefined,
    deploymentEnv: agent.deployment_env ?? undefined,
    status: agent.status as AgentStatus,
    scopes: agent.scopes,
    createdAt: iso(agent.created_at),
    changedAt: iso(agent.changed_at),
    unreadable: agent.unreadable.length > 0 ? agent.unreadable : undefined,
  }
}

/** @throws IdpError `UNKNOWN_AGENT`, or `FORBIDDEN` when it is of another organization than the caller */
export async function agentOf(db: IdpDatabase, caller: Caller, agentId: string): Promise<Agent> {
  return ofCaller(await find(db, agentId).executeTakeFirst(), caller)
}

/**
 * Reads an agent that is about to change, or whose credentials are. It stands still until the transaction ends: nobody
 * suspends it meanwhile, and nothing is created for it.
 *
 * @throws IdpError `UNKNOWN_AGENT`, or `FORBIDDEN` when it is of another organization than the caller
 */
export async function lockAgent(transaction: Transaction<IdpTables>, caller: Caller, agentId: string): Promise<Agent> {
  return ofCaller(await find(transaction, agentId).forUpdate().executeTakeFirst(), caller)
}

function find(db: IdpDatabase, agentId: string) {
  return db.selectFrom('agents').selectAll().where('agent_id', '=', agentId)
}

function ofCaller(agent: Agent | undefined, caller: Caller): Agent {
  if (!agent) throw new IdpError('UNKNOWN_AGENT', 'there is no such agent')
  if (agent.organization_id === caller.organizationId) return agent
  throw new IdpError('FORBIDDEN', 'the agent is not of your organization')
}
