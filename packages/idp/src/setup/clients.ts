import { connect } from '@rekey/database'
import type { IdpTables } from '../tables.ts'
import { ensureAccount, type SetupAccount } from './accounts.ts'
import { ensureAgent, type SetupAgent } from './agents.ts'
import { ensureVerifier, type SetupVerifier } from './verifiers.ts'

/** Clients that an estate is set up with before anybody can administer it. */
export interface EstateClients {
  agents: SetupAgent[]
  verifiers: SetupVerifier[]
  /** Users that are made where they are not there. Those that are keep password and status. */
  accounts?: readonly SetupAccount[]
}

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
      for (const account of clients.accounts ?? []) await ensureAccount(transaction, account)
      return shutOut
    })
  } finally {
    await connection.close()
  }
}
