import { databaseNow, recordEvent } from '@rekey/database'
import { activeVersion, type ClientKeyring, isAccepted, isAcceptedAt, isClosed, succeed } from '@rekey/keyring'
import type { Transaction } from 'kysely'
import { lockAgent } from '../agents/agent.ts'
import { requireMayBecome } from '../agents/grant.ts'
import type { Config } from '../config.ts'
import { IdpError } from '../error.ts'
import type { Done } from '../http/idempotency.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { isoOrNull, type NewCredential, requireFuture, requireNotDecommissioned, shownOnce } from './create.ts'
import type { Made } from './make.ts'
import { clientPolicyOf } from './policy.ts'
import { saveStored } from './save.ts'
import type { StoredCredential } from './stored.ts'

/** What a caller asks of a rotation. Milliseconds; the first since the epoch. */
export interface Rotation {
  /** Of the new version; when it is not given, the new one lives for as long as the old one would have. */
  expiresAt: number | undefined
  /** For how long the old version works beside the new one. */
  overlapMs: number | undefined
}

/** Versions of one credential that work at once. */
const mostAccepted = 8

/**
 * Gives a credential its next version. Of several rotations that began from the same one, one is made.
 *
 * @param read the credential as it stood before `made` was made
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`, `AGENT_DECOMMISSIONED`, `INSUFFICIENT_SCOPE`, `CREDENTIAL_REVOKED`, `CREDENTIAL_CHANGED` when
 *   somebody changed it meanwhile, `INVALID_REQUEST`, `TOO_MANY_CREDENTIALS`
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
  requireOpen(keyring)
  const now = await databaseNow(transaction)
  const policy = clientPolicyOf(config)
  const expiresAt = asked.expiresAt ?? keptLifetime(keyring, now)
  requireFuture(expiresAt, now)
  const overlapMs = asked.overlapMs ?? (kind === 'client-key' ? policy.assertionMs : 0)
  const overlapUntil = overlapMs === 0 ? null : now + overlapMs
  if (overlapUntil !== null && expiresAt !== undefined && overlapUntil > expiresAt) {
    throw new IdpError('INVALID_REQUEST', 'the overlap would end after the new version has expired')
  }
  const version = { ...material, ...(expiresAt === undefined ? {} : { expiresAt }) }
  const next = succeed({ ...keyring, policy }, version, overlapUntil, now)
  requireFew(next, now)
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
  const ending = overlapEndsAt === undefined ? {} : { overlapEndsAt: new Date(overlapEndsAt).toISOString() }
  const shown = shownOnce(agentId, credentialId, saved, read.createdAt)
  return { revision: saved.revision, reply: { ...shown, ...ending, ...told } }
}

export function requireOpen(keyring: ClientKeyring): void {
  if (isClosed(keyring)) throw new IdpError('CREDENTIAL_REVOKED', 'the credential was revoked: create another one')
}

function keptLifetime(keyring: ClientKeyring, now: number): number | undefined {
  const { expiresAt, activatedAt, preparedAt } = activeVersion(keyring) ?? {}
  return expiresAt === undefined ? undefined : now + expiresAt - (activatedAt ?? preparedAt ?? now)
}

function requireFew({ versions }: ClientKeyring, now: number): void {
  if (versions.filter((version) => isAcceptedAt(version, now)).length <= mostAccepted) return
  throw new IdpError(
    'TOO_MANY_CREDENTIALS',
    `at most ${mostAccepted} versions of a credential work at once: wait for an overlap to end, or rotate without one`,
  )
}
