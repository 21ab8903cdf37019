import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { databaseNow, recordChange, recordEvent } from '@rekey/database'
import { isAcceptedAt } from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import type { Agent } from '../agents/agent.ts'
import { operatorOrganization } from '../agents/organization.ts'
import { agentTopic } from '../credentials/client.ts'
import { ensureCredential } from '../credentials/ensure.ts'
import { sha256Of } from '../credentials/public-part.ts'
import { hashSecret } from '../credentials/secret.ts'
import { credentialsIn, storedOf } from '../credentials/stored.ts'
import type { IdpTables } from '../tables.ts'
import { setupActor } from './actor.ts'

export interface SetupAgent {
  clientId: string
  clientSecret: string
  name: string
  scopes: readonly string[]
}

/** @returns whether its secret lets it in */
export async function ensureAgent(transaction: Transaction<IdpTables>, agent: SetupAgent): Promise<boolean> {
  const { clientId, clientSecret, name } = agent
  const scopes = [...agent.scopes]
  const made = await transaction
    .insertInto('agents')
    .values({ agent_id: clientId, organization_id: operatorOrganization, name, set_up: true, scopes })
    .onConflict((conflict) => conflict.column('agent_id').doNothing())
    .returning('agent_id')
    .executeTakeFirst()
  const held = await transaction
    .selectFrom('agents')
    .selectAll()
    .where('agent_id', '=', clientId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const replaced = held.status !== 'active' && (await wasReplaced(transaction, clientId))
  if (held.status !== 'active' && !replaced) return false
  if (replaced) await setStatus(transaction, agent, 'active')
  if (made) await record(transaction, 'agent.created', held, { name, scopes })
  if (made || replaced) await replacePredecessors(transaction, agent)
  if (!isDeepStrictEqual(held.scopes, scopes)) await setScopes(transaction, held, scopes)
  return ensureSecret(transaction, held, clientSecret)
}

async function setScopes(transaction: Transaction<IdpTables>, held: Agent, scopes: string[]): Promise<void> {
  const { agent_id: agentId } = held
  await transaction
    .updateTable('agents')
    .set({ scopes, changed_at: sql`now()` })
    .where('agent_id', '=', agentId)
    .execute()
  await record(transaction, 'agent.updated', held, { before: { scopes: held.scopes }, after: { scopes } })
  await recordChange(transaction, agentTopic, agentId)
}

function record(
  transaction: Transaction<IdpTables>,
  action: string,
  { agent_id: agentId, organization_id: organizationId }: Pick<Agent, 'agent_id' | 'organization_id'>,
  details: Record<string, unknown>,
): Promise<void> {
  return recordEvent(transaction, { action, outcome: 'success', actor: setupActor, agentId, organizationId, details })
}

async function ensureSecret(
  transaction: Transaction<IdpTables>,
  { agent_id: agentId, organization_id: organizationId }: Agent,
  clientSecret: string,
): Promise<boolean> {
  const rows = await credentialsIn(transaction)
    .where('agent_id', '=', agentId)
    .where('kind', '=', 'client-secret')
    .orderBy('created_at')
    .execute()
  const stored = rows.map(storedOf)
  const sha256 = hashSecret(clientSecret)
  const seen = stored.flatMap(({ keyring }) => keyring.versions).filter((version) => sha256Of(version)?.equals(sha256))
  if (seen.length > 0) {
    const now = await databaseNow(transaction)
    return seen.some((version) => isAcceptedAt(version, now))
  }
  const credentialId = stored.find(({ status }) => status === 'active')?.credentialId ?? randomUUID()
  await ensureCredential(transaction, { agentId, credentialId, clientSecret, organizationId, actor: setupActor })
  return true
}

/** Whoever sets an estate up with new credentials means the old ones to be dead, until he names them again. No others are replaced. */
async function replacePredecessors(
  transaction: Transaction<IdpTables>,
  { clientId, name }: { clientId: string; name: string },
): Promise<void> {
  const predecessors = await transaction
    .selectFrom('agents')
    .select('agent_id')
    .where('name', '=', name)
    .where('set_up', '=', true)
    .where('agent_id', '!=', clientId)
    .where('status', '=', 'active')
    .forUpdate()
    .execute()
  for (const { agent_id } of predecessors) {
    await transaction.deleteFrom('opaque_tokens').where('agent_id', '=', agent_id).execute()
    await setStatus(transaction, { clientId: agent_id, name }, 'suspended')
  }
}

/** Was it put out of service here? Whom somebody else suspended is not let in again. */
async function wasReplaced(transaction: Transaction<IdpTables>, clientId: string): Promise<boolean> {
  const last = await transaction
    .selectFrom('audit_events')
    .select('actor')
    .where('agent_id', '=', clientId)
    .where('action', 'in', ['agent.suspended', 'agent.decommissioned'])
    .orderBy('inserted', 'desc')
    .executeTakeFirst()
  return last?.actor === setupActor
}

async function setStatus(
  transaction: Transaction<IdpTables>,
  { clientId, name }: { clientId: string; name: string },
  status: 'active' | 'suspended',
): Promise<void> {
  const change = { status, changed_at: sql<Date>`now()` }
  await transaction.updateTable('agents').set(change).where('agent_id', '=', clientId).execute()
  const of = { agent_id: clientId, organization_id: operatorOrganization }
  await record(transaction, status === 'active' ? 'agent.reactivated' : 'agent.suspended', of, { clientId, name })
  await recordChange(transaction, agentTopic, clientId)
}
