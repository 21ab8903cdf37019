import { databaseNow, recordEvent } from '@rekey/database'
import { activeVersion, isAccepted, succeed } from '@rekey/keyring'
import { isoIfSet, isoOrNull } from '@rekey/service'
import type { Transaction } from 'kysely'
import { lockAgent } from '../agents/agent.ts'
import { requireMayBecome } from '../agents/grant.ts'
import type { Config } from '../config.ts'
import { IdpError } from '../error.ts'
import type { Done } from '../http/idempotency.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type NewCredential, requireNotDecommissioned, shownOnce } from './create.ts'
import type { Made } from './make.ts'
import { requireNewKey } from './new-key.ts'
import { planRotation, type Rotation } from './plan.ts'
import { clientPolicyOf } from './policy.ts'
import { saveStored } from './save.ts'
import type { StoredCredential } from './stored.ts'

/**
 * Gives a credential its next version. Of several rotations that began from the same one, one is made.
 *
 * @param read the credential as it stood before `made` was made
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `AGENT_DECOMMISSIONED`, `INSUFFICIENT_SCOPE`, `CREDENTIAL_REVOKED`, `CREDENTIAL_CHANGED` when
 *   somebody changed it meanwhile, `INVALID_REQUEST`, `TOO_MANY_CREDENTIALS`, `ALREADY_EXISTS` for a key that the agent has or had
 */
export async function rotateCredential(
  transaction: Transaction<IdpTables>,
  config: Config,
  caller: Caller,
  read: StoredCredential,
  { material, told }: Made,
  asked: Rotation,
): Promise<Done<NewCredential>> {
  const { credentialId, agentId, kind, keyring } = read
  const agent = await lockAgent(transaction, caller, agentId)
  requireNotDecommissioned(agent)
  requireMayBecome(caller, agent)
  if (kind === 'client-key') await requireNewKey(transaction, read, material)
  const now = await databaseNow(transaction)
  const { expiresAt, overlapUntil } = planRotation(config, keyring, asked, now)
  const version = { ...material, ...(expiresAt === undefined ? {} : { expiresAt }) }
  const next = succeed({ ...keyring, policy: clientPolicyOf(config) }, version, overlapUntil, now)
  const saved = await saveStored(transaction, agentId, keyring, next)
  if (!saved) throw new IdpError('CREDENTIAL_CHANGED', 'the credential was changed meanwhile; nothing was done')
  const replaces = activeVersion(keyring)?.id
  const overlapEndsAt = saved.versions.find(({ id, state }) => id === replaces && isAccepted({ state }))?.acceptedUntil
  await recordEvent(transaction, {
    action: 'credential.rotated',
    outcome: 'success',
    actor: caller.clientId,
    agentId,
    organizationId: agent.organization_id,
    details: {
      credentialId,
      kind,
      version: material.id,
      replaces,
      expiresAt: isoOrNull(expiresAt),
      overlapEndsAt: isoOrNull(overlapEndsAt),
    },
  })
  const shown = shownOnce(agentId, credentialId, saved, read.createdAt)
  return { revision: saved.revision, reply: { ...shown, overlapEndsAt: isoIfSet(overlapEndsAt), ...told } }
}
