import { databaseNow, recordEvent } from '@rekey/database'
import { closeKeyring, isClosed } from '@rekey/keyring'
import type { Transaction } from 'kysely'
import { endStoredTokens } from '../agents/end-tokens.ts'
import type { IdpTables } from '../tables.ts'
import { saveStored } from './save.ts'
import { credentialsIn, type StoredCredential, storedOf } from './stored.ts'

/** Why credentials are revoked, and by whom. */
export interface RevocationCause {
  actor: string
  reason: string
  incident?: string
}

/**
 * Revokes a credential with all its versions, and the opaque tokens that were obtained by it. One that is revoked already
 * stays as it is.
 *
 * @returns the credential as it stands then
 */
export async function revokeCredential(
  transaction: Transaction<IdpTables>,
  credentialId: string,
  organizationId: string,
  cause: RevocationCause,
): Promise<StoredCredential> {
  const row = await credentialsIn(transaction)
    .where('credential_id', '=', credentialId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const credential = storedOf(row)
  if (isClosed(credential.keyring)) return credential
  await endTokensObtainedBy(transaction, credential)
  return close(transaction, credential, organizationId, cause)
}

/**
 * Revokes every credential of an agent, and ends all its tokens that are stored here and what users granted it, in the transaction
 * that ends the agent or lets it begin anew. The caller holds the agent's lock, and announces that the agent changed.
 */
export async function closeCredentials(
  transaction: Transaction<IdpTables>,
  agentId: string,
  cause: RevocationCause,
): Promise<void> {
  const open = await lockOpen(transaction, agentId)
  // First, as above: to close one takes the lock that orders all changes, and whoever waits for that may hold tokens.
  await endStoredTokens(transaction, agentId)
  await closeAll(transaction, agentId, open, cause)
}

/** Revokes every secret of an agent, and the opaque tokens that were obtained by them. The caller holds the agent's lock. */
export async function closeSecrets(
  transaction: Transaction<IdpTables>,
  agentId: string,
  cause: RevocationCause,
): Promise<void> {
  const secrets = (await lockOpen(transaction, agentId)).filter(({ kind }) => kind === 'client-secret')
  for (const secret of secrets) await endTokensObtainedBy(transaction, secret)
  await closeAll(transaction, agentId, secrets, cause)
}

/** All at once, before anything is closed: whoever holds one of them may wait for the lock that orders all changes. */
async function lockOpen(transaction: Transaction<IdpTables>, agentId: string): Promise<StoredCredential[]> {
  const rows = await credentialsIn(transaction)
    .where('agent_id', '=', agentId)
    .where('status', '=', 'active')
    .orderBy('credential_id')
    .forUpdate()
    .execute()
  return rows.map(storedOf).filter(({ keyring }) => !isClosed(keyring))
}

async function closeAll(
  transaction: Transaction<IdpTables>,
  agentId: string,
  credentials: readonly StoredCredential[],
  cause: RevocationCause,
): Promise<void> {
  const { organization_id: organizationId } = await transaction
    .selectFrom('agents')
    .select('organization_id')
    .where('agent_id', '=', agentId)
    .executeTakeFirstOrThrow()
  for (const credential of credentials) await close(transaction, credential, organizationId, cause)
}

async function close(
  transaction: Transaction<IdpTables>,
  credential: StoredCredential,
  organizationId: string,
  { actor, ...cause }: RevocationCause,
): Promise<StoredCredential> {
  const { credentialId, agentId, keyring } = credential
  const closed = closeKeyring(keyring, cause, await databaseNow(transaction))
  const saved = await saveStored(transaction, agentId, keyring, closed)
  if (!saved) throw new Error(`the row of credential ${credentialId} changed although it is locked`)
  await recordEvent(transaction, {
    action: 'credential.revoked',
    outcome: 'success',
    actor,
    agentId,
    organizationId,
    details: { credentialId, ...cause },
  })
  return { ...credential, status: 'revoked', keyring: saved }
}

/**
 * Ends the opaque tokens that were obtained by a credential, and those of which that is not known: an instance of the release
 * before does not write it down.
 */
export async function endTokensObtainedBy(
  db: Pick<Transaction<IdpTables>, 'deleteFrom'>,
  { agentId, credentialId }: Pick<StoredCredential, 'agentId' | 'credentialId'>,
): Promise<void> {
  await db
    .deleteFrom('opaque_tokens')
    .where('agent_id', '=', agentId)
    .where((of) => of.or([of('credential_id', '=', credentialId), of('credential_id', 'is', null)]))
    .execute()
}
