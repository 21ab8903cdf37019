import { type ColumnCipher, lockName, recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { Agent } from './agent.ts'
import { columnsOf, type NewAgent } from './description.ts'
import { sealedOf, toldOf } from './encrypted.ts'
import { requireMayGrant } from './grant.ts'
import { operatorOrganization } from './organization.ts'

/**
 * @throws IdpError `FORBIDDEN` for an organization that is not the caller's to begin, and for a scope that is not for its agents;
 *   `INSUFFICIENT_SCOPE`
 */
export function requireMayCreate(caller: Caller, { organizationId = caller.organizationId, scopes }: NewAgent): void {
  if (isElsewhere(caller, organizationId) && caller.organizationId !== operatorOrganization) {
    throw new IdpError('FORBIDDEN', "agents of other organizations are created by the operator's")
  }
  requireMayGrant(caller, scopes, { organizationId, scopes: [] })
}

/** Is this another organization than the caller's? */
export function isElsewhere(caller: Caller, organizationId: string | undefined): boolean {
  return organizationId !== undefined && organizationId !== caller.organizationId
}

/**
 * Creates an agent for a caller who may. No instance need be told: nobody remembers who is not there.
 *
 * @throws IdpError `FORBIDDEN` where it would be the first agent of another organization, and is not
 */
export async function createAgent(
  transaction: Transaction<IdpTables>,
  columns: Pick<ColumnCipher, 'seal'>,
  caller: Caller,
  agentId: string,
  { organizationId = caller.organizationId, ...description }: NewAgent,
): Promise<Agent> {
  if (isElsewhere(caller, organizationId)) await requireToBegin(transaction, organizationId)
  const agent = await transaction
    .insertInto('agents')
    .values({
      ...sealedOf(agentId, columnsOf(description), columns),
      agent_id: agentId,
      organization_id: organizationId,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordEvent(transaction, {
    action: 'agent.created',
    outcome: 'success',
    actor: caller.clientId,
    agentId,
    organizationId,
    details: toldOf(description),
  })
  return agent
}

/** Whoever begins an organization gets a credential of its first agent; of one that is there already nobody outside does. */
async function requireToBegin(transaction: Transaction<IdpTables>, organizationId: string): Promise<void> {
  await lockName(transaction, 'organization', organizationId)
  const there = await transaction
    .selectFrom('agents')
    .select('agent_id')
    .where('organization_id', '=', organizationId)
    .limit(1)
    .executeTakeFirst()
  if (there) throw new IdpError('FORBIDDEN', 'the organization has agents: they create the others')
}
