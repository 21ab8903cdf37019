import { currentRevision, recordChange, recordEvent } from '@rekey/database'
import { isoOrNull } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import { closeCredentials } from '../credentials/revoke.ts'
import { clientDeniedBefore, type DenyRules } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { Agent, AgentStatus } from './agent.ts'
import { denyTokensOfAgent, endStoredTokens } from './end-tokens.ts'

/** An agent as a change left it, and the revision by which every instance goes by it; 0 where none need know. */
export interface Changed {
  agent: Agent
  revision: number
}

interface StatusChange {
  status: AgentStatus
  reason?: string | undefined
  /** In the deny-list, where it is not an administrator's act. */
  room?: DenyRules | undefined
}

const actions = {
  active: 'agent.reactivated',
  suspended: 'agent.suspended',
  decommissioned: 'agent.decommissioned',
} as const

/**
 * Suspends, reactivates or decommissions an agent; one that is so already is left as it is, so that a lost reply can be asked
 * for again.
 *
 * @param agent as `lockAgent` read it, not decommissioned unless it is to be
 * @throws IdpError `DENY_LIST_FULL`
 */
export async function setStatus(
  instance: Instance,
  transaction: Transaction<IdpTables>,
  caller: Caller,
  agent: Agent,
  { status, reason, room }: StatusChange,
): Promise<Changed> {
  // Whoever made it so may still be waiting for every instance to know.
  if (agent.status === status) return { agent, revision: (await currentRevision(transaction)).n }
  const changed = await transaction
    .updateTable('agents')
    .set({ status, changed_at: sql`now()` })
    .where('agent_id', '=', agent.agent_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordEvent(transaction, {
    action: actions[status],
    outcome: 'success',
    actor: caller.clientId,
    agentId: agent.agent_id,
    organizationId: agent.organization_id,
    details: { reason: reason ?? null, ...(status === 'active' ? await stillRefused(transaction, agent) : {}) },
  })
  return { agent: changed, revision: await carryOut(instance, transaction, caller, changed, { reason, room }) }
}

/** Whoever denied the agent's tokens besides did so for a reason of his own: that stands. */
async function stillRefused(transaction: Transaction<IdpTables>, { agent_id }: Agent) {
  return { refusesIssuedBefore: isoOrNull(await clientDeniedBefore(transaction, agent_id)) }
}

async function carryOut(
  instance: Instance,
  transaction: Transaction<IdpTables>,
  { clientId: actor }: Caller,
  { agent_id: agentId, status }: Agent,
  { reason = 'the agent was decommissioned', room }: Omit<StatusChange, 'status'>,
): Promise<number> {
  if (status === 'active') return recordChange(transaction, agentTopic, agentId)
  if (status === 'decommissioned') await closeCredentials(transaction, agentId, { actor, reason })
  else await endStoredTokens(transaction, agentId)
  return denyTokensOfAgent(instance, transaction, agentId, actor, room)
}
