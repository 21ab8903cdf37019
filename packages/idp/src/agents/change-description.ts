import { isDeepStrictEqual } from 'node:util'
import { recordChange, recordEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Agent, showAgent } from './agent.ts'
import { type ChangedDescription, columnsOf } from './description.ts'
import { requireMayGrant } from './grant.ts'

/** An agent as a change left it, and the revision by which every instance goes by it; 0 where none need know. */
export interface Changed {
  agent: Agent
  revision: number
}

/**
 * Changes what is said of an agent. A scope that is taken away is no longer granted, and opaque tokens that have it end; a JWT
 * keeps it until it expires.
 *
 * @param agent as `lockAgent` read it
 * @throws IdpError `INSUFFICIENT_SCOPE`
 */
export async function describeAgent(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  agent: Agent,
  description: ChangedDescription,
): Promise<Changed> {
  const { scopes } = description
  requireMayGrant(caller, scopes ?? [], agent.scopes)
  const news = Object.entries(columnsOf(description)).filter(
    ([column, value]) => value !== undefined && !isDeepStrictEqual(value, agent[column as keyof Agent]),
  )
  if (news.length === 0) return { agent, revision: 0 }
  const changed = await transaction
    .updateTable('agents')
    .set({ ...Object.fromEntries(news), changed_at: sql`now()` })
    .where('agent_id', '=', agent.agent_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordEvent(transaction, {
    action: 'agent.updated',
    outcome: 'success',
    actor: caller.clientId,
    agentId: agent.agent_id,
    organizationId: agent.organization_id,
    details: { before: named(agent, description), after: named(changed, description) },
  })
  if (scopes === undefined) return { agent: changed, revision: 0 }
  await sql`
    DELETE FROM opaque_tokens
    WHERE agent_id = ${agent.agent_id} AND NOT string_to_array(scope, ' ') <@ ${scopes}::text[]`.execute(transaction)
  return { agent: changed, revision: await recordChange(transaction, agentTopic, agent.agent_id) }
}

/** The members of an agent that were named. */
function named(agent: Agent, description: ChangedDescription): Record<string, unknown> {
  const shown: Record<string, unknown> = showAgent(agent)
  return Object.fromEntries(Object.keys(description).map((member) => [member, shown[member] ?? null]))
}
