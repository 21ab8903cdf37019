import { activeVersion, decide, endOf, type Version } from '@rekey/keyring'
import { iso, isoIfSet, isoOrNull } from '@rekey/service'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { Agent } from '../agents/agent.ts'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { usesOf } from './evidence.ts'
import { rotateEveryMs } from './policy.ts'
import { kidOf } from './public-part.ts'
import type { detailedCredential, shownCredential } from './schema.ts'
import type { StoredCredential } from './stored.ts'

type Shown = z.infer<typeof shownCredential>
type Detailed = z.infer<typeof detailedCredential>
type ShownVersion = Detailed['versions'][number]

/** A credential as the API shows it: never a secret, nor the hash of one. */
export function showCredential(credential: StoredCredential, agent: Agent, config: Config, now: number): Shown {
  const { credentialId, agentId, kind, createdAt, rotatedAt, keyring } = credential
  const revoked = keyring.versions.findLast(({ state }) => state === 'revoked')
  const isRevoked = credential.status === 'revoked'
  const expiresAt = activeVersion(keyring)?.expiresAt
  const isExpired = expiresAt !== undefined && expiresAt <= now
  return {
    credentialId,
    clientId: agentId,
    kind,
    status: isRevoked ? 'revoked' : isExpired ? 'expired' : 'active',
    createdAt: iso(createdAt),
    rotatedAt: iso(rotatedAt),
    rotateBy: iso(rotatedAt + rotateEveryMs(config.credentials, agent)),
    expiresAt: isoIfSet(expiresAt),
    overlapEndsAt: isoIfSet(overlapEnd(keyring.versions, now)),
    revokedAt: isRevoked ? isoIfSet(revoked?.revokedAt) : undefined,
    reason: isRevoked ? revoked?.reason : undefined,
  }
}

function overlapEnd(versions: readonly Version[], now: number): number | undefined {
  const ends = versions.filter(({ state }) => state === 'retiring').map((version) => endOf(version) ?? 0)
  const last = Math.max(...ends)
  return last > now ? last : undefined
}

/** The same with every version that it has, who was seen using which, and what is waited for. */
export async function showDetailed(
  db: IdpDatabase,
  credential: StoredCredential,
  agent: Agent,
  config: Config,
  now: number,
): Promise<Detailed> {
  const { keyring } = credential
  const { waiting } = decide(keyring, await usesOf(db, keyring), now)
  const uses = await usesByAddress(db, credential.credentialId)
  return {
    ...showCredential(credential, agent, config, now),
    versions: keyring.versions.map((version) => showVersion(version, uses.get(version.id) ?? [])),
    recordedSince: iso(Math.max(credential.createdAt, await recordingBegan(db))),
    waiting: waiting.map(({ step, id, gate, for: parties, opensAt }) => ({
      step,
      version: id,
      gate,
      for: parties,
      opensAt: isoOrNull(opensAt),
    })),
  }
}

interface Use {
  version: string
  address: string
  firstAt: number
  lastAt: number
  count: number
}

async function usesByAddress(db: IdpDatabase, credentialId: string): Promise<Map<string, Use[]>> {
  const { rows } = await sql<Use>`
    SELECT version, address, first_at AS "firstAt", last_at AS "lastAt", count FROM credential_uses
    WHERE credential_id = ${credentialId} ORDER BY last_at DESC, address`.execute(db)
  return Map.groupBy(rows, ({ version }) => version)
}

/** The migration that made the table of uses. */
const tableOfUses = 'credentials'

/** When the table of uses was made. */
async function recordingBegan(db: IdpDatabase): Promise<number> {
  const { rows } = await sql<{ at: number }>`
    SELECT applied_at AS at FROM migrations WHERE package = 'idp' AND name = ${tableOfUses}`.execute(db)
  return rows[0]?.at ?? 0
}

function showVersion(version: Version, uses: readonly Use[]): ShownVersion {
  return {
    id: version.id,
    state: version.state,
    preparedAt: iso(version.preparedAt),
    activatedAt: isoIfSet(version.activatedAt),
    retiringAt: isoIfSet(version.retiringAt),
    retiredAt: isoIfSet(version.retiredAt),
    revokedAt: isoIfSet(version.revokedAt),
    acceptedUntil: isoIfSet(version.acceptedUntil),
    expiresAt: isoIfSet(version.expiresAt),
    kid: kidOf(version),
    seen: uses.length === 0 ? 'not seen' : { ...together(uses), addresses: uses.map(showUse) },
  }
}

function together(uses: readonly Use[]) {
  return {
    firstAt: iso(Math.min(...uses.map(({ firstAt }) => firstAt))),
    lastAt: iso(Math.max(...uses.map(({ lastAt }) => lastAt))),
    count: uses.reduce((sum, { count }) => sum + count, 0),
  }
}

function showUse({ address, firstAt, lastAt, count }: Use) {
  return { address, firstAt: iso(firstAt), lastAt: iso(lastAt), count }
}
