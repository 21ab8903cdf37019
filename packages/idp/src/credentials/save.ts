import { databaseNow, recordChange } from '@rekey/database'
import { activeVersion, type ClientKeyring, isAccepted, nextDecisionAt, stamp } from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { agentTopic } from './client.ts'
import { placeOf, sha256Of } from './public-part.ts'
import { credentialIdOf, kindOf, type StoredCredential } from './stored.ts'

/**
 * Saves a credential's keyring if its row still has the revision that the change started from (`undefined`: if there is none
 * yet). The event of the audit is the caller's, in the same transaction.
 *
 * @returns the document as stored, or `undefined` when another writer was faster
 */
export async function saveStored(
  transaction: Transaction<IdpTables>,
  agentId: string,
  previous: ClientKeyring | undefined,
  next: ClientKeyring,
): Promise<ClientKeyring | undefined> {
  const credentialId = credentialIdOf(next.name)
  const held = await transaction
    .selectFrom('credentials')
    .select('revision')
    .where('credential_id', '=', credentialId)
    .forUpdate()
    .executeTakeFirst()
  if (held?.revision !== previous?.revision) return undefined
  const now = await databaseNow(transaction)
  const keyring = stamp(previous, next, await recordChange(transaction, agentTopic, agentId))
  const row = rowOf(keyring, now)
  if (held) await transaction.updateTable('credentials').set(row).where('credential_id', '=', credentialId).execute()
  else await insert(transaction, { credential_id: credentialId, agent_id: agentId, kind: kindOf(keyring) }, row)
  await forgetUses(transaction, credentialId, leftOut(previous, keyring))
  return keyring
}

/** The oldest retired versions leave a document; what was seen of their use goes with them. */
function leftOut(previous: ClientKeyring | undefined, next: ClientKeyring): string[] {
  const kept = new Set(next.versions.map(({ id }) => id))
  return (previous?.versions ?? []).flatMap(({ id }) => (kept.has(id) ? [] : [id]))
}

async function forgetUses(
  transaction: Transaction<IdpTables>,
  credentialId: string,
  versions: readonly string[],
): Promise<void> {
  if (versions.length === 0) return
  await transaction
    .deleteFrom('credential_uses')
    .where('credential_id', '=', credentialId)
    .where('version', 'in', versions)
    .execute()
}

async function insert(
  transaction: Transaction<IdpTables>,
  of: { credential_id: string; agent_id: string; kind: StoredCredential['kind'] },
  row: ReturnType<typeof rowOf>,
): Promise<void> {
  await transaction
    .insertInto('credentials')
    .values({ ...of, ...row, created_at: row.rotated_at })
    .execute()
}

function rowOf(keyring: ClientKeyring, now: number) {
  const active = activeVersion(keyring)
  const dueAt = nextDecisionAt(keyring, now)
  return {
    revision: keyring.revision,
    document: JSON.stringify(keyring),
    next_decision_at: dueAt === null ? null : new Date(dueAt),
    status: active ? 'active' : 'revoked',
    expires_at: active?.expiresAt === undefined ? null : new Date(active.expiresAt),
    rotated_at: new Date(active?.activatedAt ?? lastActivated(keyring)),
    secret_hash: (active && sha256Of(active)) ?? null,
    ...(isUntidy(keyring) ? { untidy: true } : {}),
  }
}

/** Is something left where secrets are kept that is not accepted any more? */
function isUntidy({ versions }: ClientKeyring): boolean {
  return versions.some((version) => !isAccepted(version) && placeOf(version) !== undefined)
}

function lastActivated({ versions }: ClientKeyring): number {
  return Math.max(...versions.map((version) => version.activatedAt ?? 0))
}

/** Puts off when a credential is looked at again, unless it was changed meanwhile. */
export async function putOff(db: IdpDatabase, keyring: ClientKeyring, at: number | null): Promise<void> {
  const time = at === null ? sql<null>`NULL` : sql`greatest(to_timestamp(${at / 1_000}), now() + interval '1 second')`
  await sql`
    UPDATE credentials SET next_decision_at = ${time}
    WHERE credential_id = ${credentialIdOf(keyring.name)} AND revision = ${keyring.revision}`.execute(db)
}
