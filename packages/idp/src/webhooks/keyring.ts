import { databaseNow, recordEvent } from '@rekey/database'
import {
  type Change,
  type ClientKeyring,
  type ClientPolicy,
  type Evidence,
  isAccepted,
  type LoopStore,
  nextDecisionAt,
  noEvidence,
  stamp,
} from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { keyringName, webhookIdOf } from './stored.ts'

/** So many are looked at in one pass; the others come with the next. */
const mostDue = 200

/**
 * Saves the keyring of a subscription whose row is held and has the revision that the change started from. What is accepted
 * no more is forgotten. The event of the audit is the caller's, in the same transaction.
 */
export async function saveKeyring(
  transaction: Transaction<IdpTables>,
  previous: ClientKeyring,
  next: ClientKeyring,
): Promise<ClientKeyring> {
  const webhookId = webhookIdOf(next.name)
  const keyring = stamp(previous, next, previous.revision + 1)
  const dueAt = nextDecisionAt(keyring, await databaseNow(transaction))
  await transaction
    .updateTable('webhooks')
    .set({
      revision: keyring.revision,
      document: JSON.stringify(keyring),
      next_decision_at: dueAt === null ? null : new Date(dueAt),
    })
    .where('webhook_id', '=', webhookId)
    .execute()
  const accepted = keyring.versions.filter(isAccepted).map(({ id }) => id)
  await transaction
    .deleteFrom('webhook_secrets')
    .where('webhook_id', '=', webhookId)
    .where('secret_id', 'not in', accepted)
    .execute()
  return keyring
}

/** The secrets of subscriptions as keyrings, for the loop that lets go of what was replaced. */
export function webhookKeyringStore(db: IdpDatabase): LoopStore<ClientPolicy> {
  return {
    async load(name) {
      const row = await documents(db).where('webhook_id', '=', webhookIdOf(name)).executeTakeFirst()
      return row?.document
    },
    async due(now) {
      const at = sql<number>`to_timestamp(${now / 1_000})`
      const due = documents(db).where('next_decision_at', '<=', at).orderBy('next_decision_at').limit(mostDue)
      return (await due.execute()).map((row) => keyringName(row.webhook_id))
    },
    save: (previous, next, change) => db.transaction().execute((tx) => save(tx, previous, next, change)),
    now: () => databaseNow(db),
  }
}

const documents = (db: IdpDatabase) => db.selectFrom('webhooks').select(['webhook_id', 'document'])

async function save(
  transaction: Transaction<IdpTables>,
  previous: ClientKeyring,
  next: ClientKeyring,
  { action, actor, details }: Change,
): Promise<ClientKeyring | undefined> {
  const webhookId = webhookIdOf(next.name)
  const row = await transaction
    .selectFrom('webhooks')
    .select(['organization_id', 'revision'])
    .where('webhook_id', '=', webhookId)
    .forUpdate()
    .executeTakeFirst()
  if (row?.revision !== previous.revision) return undefined
  const saved = await saveKeyring(transaction, previous, next)
  await recordEvent(transaction, {
    action: action.replace(/^keyring\./, 'webhook.secret_'),
    outcome: 'success',
    actor,
    organizationId: row.organization_id,
    details: { webhookId, ...details },
  })
  return saved
}

/** Which secrets the receiver said that it has. */
export async function confirmationsOf(db: IdpDatabase, { name }: ClientKeyring): Promise<Evidence> {
  const rows = await db
    .selectFrom('webhook_secrets')
    .select(['secret_id', 'confirmed_at'])
    .where('webhook_id', '=', webhookIdOf(name))
    .execute()
  const confirmed = rows.flatMap(({ secret_id, confirmed_at: at }) =>
    at === null ? [] : [[secret_id, { firstAt: at, lastAt: at }] as const],
  )
  return { ...noEvidence, uses: new Map(confirmed) }
}
