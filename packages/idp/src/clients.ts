import { isDeepStrictEqual } from 'node:util'
import { connect, recordChange, recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { agentTopic } from './agents/credentials.ts'
import { hashSecret } from './agents/secret.ts'
import type { IdpTables } from './tables.ts'
import { verifierTopic } from './trust/credential.ts'

/** Clients that an estate is set up with before anybody can administer it. */
export interface EstateClients {
  agents: { clientId: string; clientSecret: string; name: string; scopes: readonly string[] }[]
  verifiers: { clientId: string; clientSecret: string; name: string }[]
}

const organization = 'default'
/** Marks the agents that were made here: only these may be replaced here. */
const owner = 'rekey setup'

/**
 * Makes sure that these clients exist with these secrets. Does nothing where they do.
 *
 * @param url a role that may write; the schema must be there (`migrateIdp`)
 * @throws DatabaseError when the database cannot be reached
 */
export async function ensureClients(url: string, clients: EstateClients): Promise<void> {
  const connection = connect<IdpTables>(url, { max: 1, applicationName: 'rekey-setup' })
  try {
    await connection.db.transaction().execute(async (transaction) => {
      for (const agent of clients.agents) await ensureAgent(transaction, agent)
      for (const verifier of clients.verifiers) await ensureVerifier(transaction, verifier)
    })
  } finally {
    await connection.close()
  }
}

async function ensureAgent(transaction: Transaction<IdpTables>, agent: EstateClients['agents'][number]): Promise<void> {
  const { clientId, name } = agent
  const scopes = [...agent.scopes]
  const secretHash = hashSecret(agent.clientSecret)
  const held = await transaction
    .selectFrom('agents')
    .innerJoin('credentials', 'credentials.agent_id', 'agents.agent_id')
    .select(['secret_hash', 'scopes'])
    .where('agents.agent_id', '=', clientId)
    .where('agents.status', '=', 'active')
    .where('credentials.status', '=', 'active')
    .executeTakeFirst()
  if (held?.secret_hash.equals(secretHash) && isDeepStrictEqual(held.scopes, scopes)) return
  await endPredecessors(transaction, agent)
  await transaction
    .insertInto('agents')
    .values({ agent_id: clientId, organization_id: organization, name, owner, scopes })
    .onConflict((conflict) => conflict.column('agent_id').doUpdateSet({ scopes, status: 'active' }))
    .execute()
  await transaction
    .insertInto('credentials')
    .values({ credential_id: clientId, agent_id: clientId, secret_hash: secretHash })
    .onConflict((conflict) =>
      conflict.column('credential_id').doUpdateSet({ secret_hash: secretHash, status: 'active' }),
    )
    .execute()
  await record(transaction, 'credential.generated', { clientId, name })
  await recordChange(transaction, agentTopic, clientId)
}

/** Whoever sets an estate up with new credentials means the old ones to be dead. */
async function endPredecessors(
  transaction: Transaction<IdpTables>,
  { clientId, name }: { clientId: string; name: string },
): Promise<void> {
  const ended = await transaction
    .updateTable('agents')
    .set({ status: 'decommissioned' })
    .where('name', '=', name)
    .where('owner', '=', owner)
    .where('agent_id', '!=', clientId)
    .where('status', '=', 'active')
    .returning('agent_id')
    .execute()
  for (const { agent_id: agentId } of ended) {
    await record(transaction, 'agent.decommissioned', { clientId: agentId, name })
    await recordChange(transaction, agentTopic, agentId)
  }
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
  const agentId = action === 'verifier.registered' ? undefined : details.clientId
  return recordEvent(transaction, { action, outcome: 'success', actor: owner, agentId, details })
}
