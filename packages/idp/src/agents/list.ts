import { lineOf, pageOf, pageQuery, positionOf } from '@rekey/service'
import { z } from 'zod'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Agent, agentStatus } from './agent.ts'

const text = lineOf(200)

/** Which agents are listed: those that have all that is named. */
export const agentsWanted = z.object({
  status: agentStatus.optional(),
  name: text.optional(),
  owner: text.optional(),
  agentType: text.optional(),
  deploymentEnv: text.optional(),
  ...pageQuery,
})

/** The caller's organization's agents, oldest first: those that are created meanwhile come last, and move nobody. */
export async function listAgents(
  db: IdpDatabase,
  caller: Caller,
  { limit, cursor, agentType, deploymentEnv, ...same }: z.infer<typeof agentsWanted>,
): Promise<{ rows: Agent[]; nextCursor: string | null }> {
  const after = positionOf(cursor, timedPosition)
  const wanted = { ...same, agent_type: agentType, deployment_env: deploymentEnv }
  let query = db
    .selectFrom('agents')
    .selectAll()
    .select(microsecondsOf('created_at').as('created'))
    .where('organization_id', '=', caller.organizationId)
  for (const [column, value] of Object.entries(wanted)) {
    if (value !== undefined) query = query.where(column as 'name', '=', value)
  }
  if (after) query = query.where(isAfter('created_at', 'agent_id', after))
  const rows = await query
    .orderBy('created_at')
    .orderBy('agent_id')
    .limit(limit + 1)
    .execute()
  return pageOf(rows, limit, ({ created, agent_id }) => [created, agent_id])
}
