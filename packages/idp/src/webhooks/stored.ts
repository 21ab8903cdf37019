import type { ColumnCipher } from '@rekey/database'
import { type ClientKeyring, isAcceptedAt } from '@rekey/keyring'
import { type Selectable, sql, type Transaction } from 'kysely'
import { webhookSecret, webhookUrl } from '../columns/list.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'

/** A subscription as it stands in its row. */
export type Webhook = Selectable<IdpTables['webhooks']>

/** What is sent by: where to, and signed by which secrets. */
export interface Target {
  url: string
  /** A version, and its secret. The newest first. */
  secrets: readonly { id: string; secret: string }[]
  keyring: ClientKeyring
}

/** Is a row of `webhooks` sent anything? One of an organization whose agents are all shut out is told nothing any more. */
export const isSent = sql<boolean>`(webhooks.status = 'active' AND EXISTS (
  SELECT FROM agents WHERE agents.organization_id = webhooks.organization_id AND agents.status = 'active'))`

export const keyringName = (webhookId: string): string => `webhook-${webhookId}`
export const webhookIdOf = (name: string): string => name.slice('webhook-'.length)

/**
 * A subscription of the caller's organization.
 *
 * @throws IdpError `UNKNOWN_WEBHOOK`, `FORBIDDEN`
 */
export async function webhookOf(db: IdpDatabase, caller: Caller, webhookId: string): Promise<Webhook> {
  const row = await db.selectFrom('webhooks').selectAll().where('webhook_id', '=', webhookId).executeTakeFirst()
  return ownOf(row, caller)
}

/** The same, held until the transaction ends. */
export async function lockWebhook(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  webhookId: string,
): Promise<Webhook> {
  const query = transaction.selectFrom('webhooks').selectAll().where('webhook_id', '=', webhookId).forUpdate()
  return ownOf(await query.executeTakeFirst(), caller)
}

function ownOf(row: Webhook | undefined, { organizationId }: Caller): Webhook {
  if (!row) throw new IdpError('UNKNOWN_WEBHOOK', 'there is no such webhook')
  if (row.organization_id !== organizationId) throw new IdpError('FORBIDDEN', 'the webhook is of another organization')
  return row
}

/** Reads what a subscription is sent by. */
export async function targetOf(
  db: IdpDatabase,
  columns: Pick<ColumnCipher, 'open'>,
  { webhook_id: webhookId, url, document }: Pick<Webhook, 'webhook_id' | 'url' | 'document'>,
): Promise<Target> {
  const rows = await db
    .selectFrom('webhook_secrets')
    .select(['secret_id', 'sealed_secret'])
    .where('webhook_id', '=', webhookId)
    .execute()
  const sealed = new Map(rows.map((row) => [row.secret_id, row.sealed_secret]))
  const secrets = document.versions.toReversed().flatMap(({ id }) => {
    const stored = sealed.get(id)
    return stored === undefined ? [] : [{ id, secret: columns.open(webhookSecret, id, stored) }]
  })
  return { url: columns.open(webhookUrl, webhookId, url), secrets, keyring: document }
}

/** The secrets that a delivery is signed by at this moment. */
export function acceptedSecrets({ secrets, keyring }: Target, now: number): string[] {
  const accepted = new Set(keyring.versions.filter((version) => isAcceptedAt(version, now)).map(({ id }) => id))
  return secrets.filter(({ id }) => accepted.has(id)).map(({ secret }) => secret)
}
