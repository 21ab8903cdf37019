import { randomUUID } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import type { Selectable } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'

export type Agent = Selectable<IdpTables['agents']>

/** What a caller says of a new agent. */
export interface AgentDescription {
  name?: string
  email?: string
  agentType?: string
  version?: string
  capabilities: string[]
  owner?: string
  deploymentEnv?: string
}

/** Creates an agent in the caller's organization. It may have no scope until it is given one. */
export async function createAgent(db: IdpDatabase, caller: Caller, description: AgentDescription): Promise<Agent> {
  const { agentType, deploymentEnv, ...same } = description
  return db.transaction().execute(async (transaction) => {
    const agent = await transaction
      .insertInto('agents')
      .values({
        ...same,
        agent_id: randomUUID(),
        organization_id: caller.organizationId,
        agent_type: agentType,
        deployment_env: deploymentEnv,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    await recordEvent(transaction, {
      action: 'agent.created',
      outcome: 'success',
      actor: caller.clientId,
      agentId: agent.agent_id,
      organizationId: agent.organization_id,
      details: { ...description },
    })
    return agent
  })
}

/** @throws IdpError `UNKNOWN_AGENT`, or `FORBIDDEN` when it is of another organization than the caller */
export async function agentOf(db: IdpDatabase, caller: Caller, agentId: string): Promise<Agent> {
  const agent = await db.selectFrom('agents').selectAll().where('agent_id', '=', agentId).executeTakeFirst()
  if (!agent) throw new IdpError('UNKNOWN_AGENT', `there is no agent ${agentId}`)
  if (agent.organization_id !== caller.organizationId)
    throw new IdpError('FORBIDDEN', 'the agent is not of your organization')
  return agent
}

/** An agent as the API shows it. */
export function showAgent(agent: Agent) {
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
    status: agent.status,
    createdAt: new Date(agent.created_at).toISOString(),
  }
}
