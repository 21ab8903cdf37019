import type { ColumnCipher } from '@rekey/database'
import { isClosed } from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import { record } from '../audit/record.ts'
import { webhookUrl } from '../columns/list.ts'
import { IdpError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import type { NewWebhook } from './create.ts'
import { resume } from './pause.ts'
import type { DeliveryQueue } from './queue.ts'
import { lockWebhook, type Webhook } from './stored.ts'

/** What is to be otherwise. One that is paused or disabled sends again when it is set to active, first of all what waited. */
export type Changes = { [Name in keyof NewWebhook]?: NewWebhook[Name] | undefined } & {
  status?: 'active' | 'paused' | undefined
}

/** @throws IdpError `UNKNOWN_WEBHOOK`, `FORBIDDEN`; `CREDENTIAL_REVOKED` when it has no secret that it could sign by */
export async function changeWebhook(
  transaction: Transaction<IdpTables>,
  { columns, queue }: { columns: Pick<ColumnCipher, 'seal'>; queue: DeliveryQueue },
  caller: Caller,
  webhookId: string,
  { name, url, events, status }: Changes,
): Promise<Webhook> {
  const { document, revision } = await lockWebhook(transaction, caller, webhookId)
  if (status === 'active' && isClosed(document))
    throw new IdpError('CREDENTIAL_REVOKED', 'the secret of the webhook was revoked: rotate it first')
  const next = { ...document, revision: revision + 1 }
  const changed = await transaction
    .updateTable('webhooks')
    .set({
      ...(name === undefined ? {} : { name }),
      ...(url === undefined ? {} : { url: columns.seal(webhookUrl, webhookId, url) }),
      ...(events === undefined ? {} : { events: [...new Set(events)] }),
      ...(status === undefined ? {} : { status, reason: null, failing_since: null }),
      changed_at: sql<Date>`now()`,
      revision: next.revision,
      document: JSON.stringify(next),
    })
    .where('webhook_id', '=', webhookId)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (status === 'active') await resume(transaction, queue, webhookId)
  const told = { webhookId, name, events, status, ...(url === undefined ? {} : { encrypted: ['url'] }) }
  await record(transaction, caller, status === 'paused' ? 'webhook.paused' : 'webhook.updated', told)
  return changed
}

/** Deletes a subscription, with its secrets and what was to be delivered. @throws IdpError `UNKNOWN_WEBHOOK`, `FORBIDDEN` */
export async function deleteWebhook(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  webhookId: string,
): Promise<void> {
  await lockWebhook(transaction, caller, webhookId)
  await transaction.deleteFrom('webhooks').where('webhook_id', '=', webhookId).execute()
  await record(transaction, caller, 'webhook.deleted', { webhookId })
}
