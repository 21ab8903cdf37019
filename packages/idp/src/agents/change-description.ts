import { isDeepStrictEqual } from 'node:util'
import { type ColumnCipher, recordEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Agent, showAgent } from './agent.ts'
import { type ChangedDescription, columnsOf } from './description.ts'
import { openedOf, sealedOf, toldOf } from './encrypted.ts'
import { requireMayGrant } from './grant.ts'

/** An agent as its description was left, and whether the instances have to be told. */
interface Described {
  agent: Agent
  isToTell: boolean
}

/**
 * Changes what is said of an agent. A scope that is taken away is no longer granted, and opaque tokens that have it end; a JWT
 * keeps it until it expires. The instances are told by the caller, last of all.
 *
 * @param agent as `lockAgent` read it
 * @throws IdpError `INSUFFICIENT_SCOPE`, `FORBIDDEN`
 */
export async function changeDescription(
  transaction: Transaction<IdpTables>,
  columns: ColumnCipher,
  caller: Caller,
  agent: Agent,
  description: ChangedDescription,
): Promise<Described> {
  const { scopes } = description
  requireMayGrant(caller, scopes ?? [], { organizationId: agent.organization_id, scopes: agent.scopes })
  const before = { ...agent, ...openedOf(agent, columns) }
  // What does not open is replaced by whatever is said, also by nothing.
  const isReplaced = (column: string) => before.unreadable.some((member) => member === column)
  const news = Object.entries(columnsOf(description)).filter(
    ([column, value]) =>
      value !== undefined && (isReplaced(column) || !isDeepStrictEqual(value, before[column as keyof Agent])),
  )
  if (news.length === 0) return { agent, isToTell: false }
  // Whether there is one can be seen in what is stored, whether or not that opens.
  const told = (row: Agent) =>
    toldOf(named({ ...showAgent(row, columns), email: row.email, owner: row.owner }, description))
  const changed = await transaction
    .updateTable('agents')
    .set({ ...sealedOf(agent.agent_id, Object.fromEntries(news), columns), changed_at: sql`now()` })
    .where('agent_id', '=', agent.agent_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordEvent(transaction, {
    action: 'agent.updated',
    outcome: 'success',
    actor: caller.clientId,
    agentId: agent.agent_id,
    organizationId: agent.organization_id,
    details: { before: told(agent), after: told(changed) },
  })
  if (scopes === undefined) return { agent: changed, isToTell: false }
  await sql`
    DELETE FROM opaque_tokens
    WHERE agent_id = ${agent.agent_id} AND NOT string_to_array(scope, ' ') <@ ${scopes}::text[]`.execute(transaction)
  return { agent: changed, isToTell: true }
}

/** The members of an agent that were named. */
function named(shown: Record<string, unknown>, description: ChangedDescription): Record<string, unknown> {
  return Object.fromEntries(Object.keys(description).map((member) => [member, shown[member] ?? null]))
}
