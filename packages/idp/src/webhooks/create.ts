import { randomUUID } from 'node:crypto'
import { type ColumnCipher, databaseNow, lockName } from '@rekey/database'
import { newClientKeyring, succeed } from '@rekey/keyring'
import type { Transaction } from 'kysely'
import { record } from '../audit/record.ts'
import { webhookSecret, webhookUrl } from '../columns/list.ts'
import { IdpError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { newSigningSecret } from './signature.ts'
import { keyringName, type Webhook } from './stored.ts'

/** What a subscription is to be. */
export interface NewWebhook {
  name: string
  url: string
  events: string[]
}

/** Their receivers let go when they say so: nothing is seen of them that could be waited for. */
const webhookPolicy = { quietMs: 0, assertionMs: 0 }

/**
 * Subscribes to events from now on.
 *
 * @param most of one organization
 * @throws IdpError `TOO_MANY_WEBHOOKS`
 */
export async function createWebhook(
  transaction: Transaction<IdpTables>,
  columns: Pick<ColumnCipher, 'seal'>,
  caller: Caller,
  { name, url, events }: NewWebhook,
  most: number,
): Promise<{ webhook: Webhook; signingSecret: string }> {
  const { clientId, organizationId } = caller
  await lockName(transaction, 'organization', organizationId)
  await requireRoom(transaction, organizationId, most)
  const webhookId = `wh_${randomUUID().replaceAll('-', '')}`
  const secretId = newSecretId()
  const signingSecret = newSigningSecret()
  const now = await databaseNow(transaction)
  const empty = { ...newClientKeyring('webhook', 'webhook-secret', webhookPolicy), name: keyringName(webhookId) }
  const keyring = { ...succeed(empty, { id: secretId, publicPart: {} }, null, now), revision: 1 }
  const webhook = await transaction
    .insertInto('webhooks')
    .values({
      webhook_id: webhookId,
      organization_id: organizationId,
      name,
      url: columns.seal(webhookUrl, webhookId, url),
      events: [...new Set(events)],
      created_by: clientId,
      document: JSON.stringify(keyring),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const sealed = columns.seal(webhookSecret, secretId, signingSecret)
  await transaction
    .insertInto('webhook_secrets')
    .values({ secret_id: secretId, webhook_id: webhookId, sealed_secret: sealed })
    .execute()
  const details = { webhookId, name, events: webhook.events, encrypted: ['url'], secretId }
  await record(transaction, caller, 'webhook.created', details)
  return { webhook, signingSecret }
}

export const newSecretId = (): string => `ws_${randomUUID().replaceAll('-', '')}`

async function requireRoom(transaction: Transaction<IdpTables>, organizationId: string, most: number): Promise<void> {
  const { count } = await transaction
    .selectFrom('webhooks')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('organization_id', '=', organizationId)
    .executeTakeFirstOrThrow()
  if (count >= most) throw new IdpError('TOO_MANY_WEBHOOKS', `an organization has at most ${most} webhooks`)
}
