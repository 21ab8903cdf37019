import { databaseNow, recordEvent } from '@rekey/database'
import { activeVersion, type ClientKeyring, succeed } from '@rekey/keyring'
import { iso, isoIfSet, isoOrNull } from '@rekey/service'
import type { Transaction } from 'kysely'
import { lockAgent } from '../agents/agent.ts'
import { requireMayBecome } from '../agents/grant.ts'
import type { Config } from '../config.ts'
import { IdpError } from '../error.ts'
import type { Done } from '../http/idempotency.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { Made } from './make.ts'
import { requireNewKey } from './new-key.ts'
import { requireFuture } from './plan.ts'
import { clientPolicyOf } from './policy.ts'
import { saveStored } from './save.ts'
import { emptyKeyring, type StoredCredential } from './stored.ts'

/** A credential as it is shown once: when it is made, and after each rotation. */
export interface NewCredential {
  credentialId: string
  clientId: string
  clientSecret?: string
  kid?: string
  status: 'active'
  createdAt: string
  expiresAt?: string | undefined
  overlapEndsAt?: string | undefined
}

/** Of one agent, revoked ones not counted. */
const mostCredentials = 20

/**
 * @param expiresAt milliseconds since the epoch
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `AGENT_DECOMMISSIONED`, `INSUFFICIENT_SCOPE`, `INVALID_REQUEST` when that
 *   time is over, `TOO_MANY_CREDENTIALS`, `ALREADY_EXISTS` for a key that the agent has or had
 */
export async function createCredential(
  transaction: Transaction<IdpTables>,
  config: Config,
  caller: Caller,
  of: Pick<StoredCredential, 'agentId' | 'credentialId' | 'kind'>,
  { material, told }: Made,
  expiresAt: number | undefined,
): Promise<Done<NewCredential>> {
  const { agentId, credentialId, kind } = of
  const agent = await lockAgent(transaction, caller, agentId)
  requireNotDecommissioned(agent)
  requireMayBecome(caller, agent)
  const now = await requireCreatable(transaction, agentId, expiresAt)
  if (kind === 'client-key') await requireNewKey(transaction, of, material)
  const empty = emptyKeyring(credentialId, kind, clientPolicyOf(config))
  const keyring = succeed(empty, { ...material, ...(expiresAt === undefined ? {} : { expiresAt }) }, null, now)
  const saved = await saveStored(transaction, agentId, undefined, keyring)
  if (!saved) throw new Error(`the id ${credentialId} is taken, although it is random`)
  await recordEvent(transaction, {
    action: 'credential.generated',
    outcome: 'success',
    actor: caller.clientId,
    agentId,
    organizationId: agent.organization_id,
    details: { credentialId, kind, version: material.id, expiresAt: isoOrNull(expiresAt) },
  })
  return { revision: saved.revision, reply: { ...shownOnce(agentId, credentialId, saved, now), ...told } }
}

/** @param createdAt of the credential */
export function shownOnce(agentId: string, credentialId: string, keyring: ClientKeyring, createdAt: number) {
  const expiresAt = activeVersion(keyring)?.expiresAt
  return {
    credentialId,
    clientId: agentId,
    status: 'active' as const,
    createdAt: iso(createdAt),
    expiresAt: isoIfSet(expiresAt),
  }
}

/** A suspended agent may be given credentials, so that it has good ones when it is reactivated. */
export function requireNotDecommissioned({ status }: { status: string }): void {
  if (status === 'decommissioned') throw new IdpError('AGENT_DECOMMISSIONED', 'the agent was decommissioned')
}

/**
 * What can be judged before a secret is made. It is asked again in the transaction.
 *
 * @returns the time of the database
 * @throws IdpError `INVALID_REQUEST`, `TOO_MANY_CREDENTIALS`
 */
export async function requireCreatable(db: IdpDatabase, agentId: string, expiresAt: number | undefined) {
  const now = await databaseNow(db)
  requireFuture(expiresAt, now)
  await requireRoomFor(db, agentId)
  return now
}

async function requireRoomFor(db: IdpDatabase, agentId: string): Promise<void> {
  const held = await db
    .selectFrom('credentials')
    .select('credential_id')
    .where('agent_id', '=', agentId)
    .where('status', '=', 'active')
    .limit(mostCredentials)
    .execute()
  if (held.length < mostCredentials) return
  throw new IdpError('TOO_MANY_CREDENTIALS', `an agent has at most ${mostCredentials} credentials: revoke one first`)
}
