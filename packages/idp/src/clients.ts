import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { connect, databaseNow, recordChange, recordEvent } from '@rekey/database'
import { isAcceptedAt } from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import type { Agent } from './agents/agent.ts'
import { operatorOrganization } from './agents/organization.ts'
import { agentTopic } from './credentials/client.ts'
import { ensureCredential } from './credentials/ensure.ts'
import { hashSecret } from './credentials/secret.ts'
import { credentialsIn, storedOf } from './credentials/stored.ts'
import type { IdpTables } from './tables.ts'
import { verifierTopic } from './trust/credential.ts'

/** Clients that an estate is set up with before anybody can administer it. */
export interface EstateClients {
  agents: { clientId: string; clientSecret: string; name: string; scopes: readonly string[] }[]
  verifiers: { clientId: string; clientSecret: string; name: string }[]
}

/** Marks the agents that were made here: only these may be replaced here. */
const owner = 'rekey setup'

/**
 * Makes sure that these clients exist with these secrets. Does nothing where they do, and gives nobody a secret back that was
 * replaced or revoked since: whoever did that had a reason. A secret that was never seen replaces the first one.
 *
 * @param url a role that may write; the schema must be there (`migrateIdp`)
 * @returns the ids of agents that these secrets do not let in: it was replaced or revoked, or the agent is not active
 * @throws DatabaseError when the database cannot be reached
 */
export async function ensureClients(url: string, clients: EstateClients): Promise<string[]> {
  const connection = connect<IdpTables>(url, { max: 1, applicationName: 'rekey-setup' })
  try {
    return await connection.db.transaction().execute(async (transaction) => {
      const shutOut: string[] = []
      for (const agent of clients.agents) if (!(await ensureAgent(transaction, agent))) shutOut.push(agent.clientId)
      for (const verifier of clients.verifiers) await ensureVerifier(transaction, verifier)
      return shutOut
    })
  } finally {
    await connection.close()
  }
}

/** @returns whether the secret lets it in */
async function ensureAgent(
  transaction: Transaction<IdpTables>,
  agent: EstateClients['agents'][number],
): Promise<boolean> {
  const { clientId, clientSecret, name } = agent
  const scopes = [...agent.scopes]
  const made = await transaction
    .insertInto('agents')
    .values({ agent_id: clientId, organization_id: operatorOrganization, name, owner, scopes })
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
  if (made || replaced) await replacePredecessors(transaction, agent)
  if (!isDeepStrictEqual(held.scopes, scopes)) {
    await transaction
      .updateTable('agents')
      .set({ scopes, changed_at: sql`now()` })
      .where('agent_id', '=', clientId)
      .execute()
    await recordChange(transaction, agentTopic, clientId)
  }
  return ensureSecret(transaction, held, clientSecret)
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
  const sha256 = hashSecret(clientSecret).toString('hex')
  const seen = stored
    .flatMap(({ keyring }) => keyring.versions)
    .filter(({ publicPart }) => publicPart.sha256 === sha256)
  if (seen.length > 0) {
    const now = await databaseNow(transaction)
    return seen.some((version) => isAcceptedAt(version, now))
  }
  const credentialId = stored.find(({ status }) => status === 'active')?.credentialId ?? randomUUID()
  await ensureCredential(transaction, { agentId, credentialId, clientSecret, organizationId, actor: owner })
  return true
}

/** Whoever sets an estate up with new credentials means the old ones to be dead, until he names them again. */
async function replacePredecessors(
  transaction: Transaction<IdpTables>,
  { clientId, name }: { clientId: string; name: string },
): Promise<void> {
  const predecessors = await transaction
    .selectFrom('agents')
    .select('agent_id')
    .where('name', '=', name)
    .where('owner', '=', owner)
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
  return last?.actor === owner
}

async function setStatus(
  transaction: Transaction<IdpTables>,
  { clientId, name }: { clientId: string; name: string },
  status: 'active' | 'suspended',
): Promise<void> {
  const change = { status, changed_at: sql<Date>`now()` }
  await transaction.updateTable('agents').set(change).where('agent_id', '=', clientId).execute()
  await record(transaction, status === 'active' ? 'agent.reactivated' : 'agent.suspended', { clientId, name })
  await recordChange(transaction, agentTopic, clientId)
}

async function ensureVerifier(
  transaction: Transaction<IdpTables>,
  verifier: EstateClients['verifiers'][number],
): Promise<void> {
  const { clientId, name } = verifier
  const secretHash = hashSecret(verifier.clientSecret)
  const replaced = await transaction
    .deleteFrom('verifiers')
    .where('name', '=', name)
    .where('client_id', '!=', clientId)
    .returning('client_id')
    .execute()
  const written = await transaction
    .insertInto('verifiers')
    .values({ client_id: clientId, name, secret_hash: secretHash })
    .onConflict((conflict) =>
      conflict
        .column('client_id')
        .doUpdateSet({ secret_hash: secretHash })
        .where('verifiers.secret_hash', '!=', secretHash),
    )
    .returning('client_id')
    .executeTakeFirst()
  if (written) await record(transaction, 'verifier.registered', { clientId, name })
  for (const { client_id } of written ? [...replaced, written] : replaced) {
    await recordChange(transaction, verifierTopic, client_id)
  }
}

function record(transaction: Transaction<IdpTables>, action: string, details: { clientId: string; name: string }) {
  const ofAgent = { agentId: details.clientId, organizationId: operatorOrganization }
  const of = action === 'verifier.registered' ? {} : ofAgent
  return recordEvent(transaction, { action, outcome: 'success', actor: owner, ...of, details })
}
