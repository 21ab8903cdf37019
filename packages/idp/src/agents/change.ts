import { recordChange } from '@rekey/database'
import { transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { revokeTokensBoundTo } from '../registration/initial-tokens/store.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { admitAgain } from './admit-again.ts'
import { type Agent, type AgentStatus, lockAgent } from './agent.ts'
import { changeDescription } from './change-description.ts'
import type { ChangedDescription } from './description.ts'
import { type Changed, setStatus } from './status.ts'

/** What is to become of an agent. */
export interface AgentChange {
  description?: ChangedDescription
  status?: AgentStatus | undefined
  reason?: string | undefined
}

/**
 * Changes an agent in one transaction.
 *
 * @returns it, when every live instance goes by the change
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `AGENT_DECOMMISSIONED`, `INSUFFICIENT_SCOPE`, `DENY_LIST_FULL`
 */
export async function changeAgent(
  instance: Instance,
  caller: Caller,
  agentId: string,
  change: AgentChange,
): Promise<Agent> {
  if (change.status === 'active') await admitAgain(instance, caller, agentId)
  const { db } = instance.connection
  const { agent, revision } = await transact(db, (transaction) =>
    carryOut(instance, transaction, caller, agentId, change),
  )
  await instance.view.everywhere(revision)
  return agent
}

async function carryOut(
  instance: Instance,
  transaction: Transaction<IdpTables>,
  caller: Caller,
  agentId: string,
  { description = {}, status, reason }: AgentChange,
): Promise<Changed> {
  if (status === 'decommissioned') await revokeTokensBoundTo(transaction, caller, agentId)
  const agent = await lockAgent(transaction, caller, agentId)
  const isRepeated = status === agent.status && Object.keys(description).length === 0
  if (agent.status === 'decommissioned' && !isRepeated) {
    throw new IdpError('AGENT_DECOMMISSIONED', 'the agent was decommissioned, which is for ever')
  }
  const described = await changeDescription(transaction, instance.columns, caller, agent, description)
  const changed =
    status === undefined
      ? { agent: described.agent, revision: 0 }
      : await setStatus(instance, transaction, caller, described.agent, { status, reason })
  if (!described.isToTell) return changed
  return { agent: changed.agent, revision: await recordChange(transaction, agentTopic, agentId) }
}
