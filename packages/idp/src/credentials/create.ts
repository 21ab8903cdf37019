import { randomUUID } from 'node:crypto'
import { recordChange, recordEvent } from '@rekey/database'
import { orAlreadyExists } from '../already-exists.ts'
import type { IdpDatabase } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { Agent } from './agent.ts'
import { agentTopic } from './credentials.ts'
import { hashSecret, newClientSecret } from './secret.ts'

/** A credential as it is shown once, when it is made: the secret is stored as a hash only. */
export interface NewCredential {
  credentialId: string
  clientId: string
  clientSecret: string
  status: 'active'
  createdAt: string
  expiresAt?: string
}

/** @throws IdpError `ALREADY_EXISTS` when the agent has an active credential */
export async function createCredential(
  db: IdpDatabase,
  caller: Caller,
  agent: Agent,
  expiresAt: Date | undefined,
): Promise<NewCredential> {
  const clientSecret = newClientSecret()
  const stored = await store(db, caller, agent, hashSecret(clientSecret), expiresAt).catch(
    orAlreadyExists('the agent has an active credential already'),
  )
  return {
    credentialId: stored.credential_id,
    clientId: agent.agent_id,
    clientSecret,
    status: 'active',
    createdAt: new Date(stored.created_at).toISOString(),
    expiresAt: expiresAt?.toISOString(),
  }
}

function store(db: IdpDatabase, caller: Caller, agent: Agent, secretHash: Buffer, expiresAt: Date | undefined) {
  return db.transaction().execute(async (transaction) => {
    const row = await transaction
      .insertInto('credentials')
      .values({
        credential_id: randomUUID(),
        agent_id: agent.agent_id,
        secret_hash: secretHash,
        expires_at: expiresAt,
      })
      .returning(['credential_id', 'created_at'])
      .executeTakeFirstOrThrow()
    await recordEvent(transaction, {
      action: 'credential.generated',
      outcome: 'success',
      actor: caller.clientId,
      agentId: agent.agent_id,
      organizationId: agent.organization_id,
      details: { credentialId: row.credential_id, expiresAt: expiresAt?.toISOString() ?? null },
    })
    await recordChange(transaction, agentTopic, agent.agent_id)
    return row
  })
}
