import { iso, isoIfSet, pageOf, positionOf } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import { z } from 'zod'
import { record } from '../audit/record.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { messageId } from './message.ts'
import { type DeliveryQueue, jobOf } from './queue.ts'
import type { deliveriesWanted, shownDelivery } from './schema.ts'
import { webhookOf } from './stored.ts'

const position = z.tuple([z.number().int().positive()])
/** Of dead letters of one subscription; the others are for another request. */
const mostAtOnce = 10_000

/** A page of what was and is to be delivered to a subscription, the newest event first. */
export async function listDeliveries(db: IdpDatabase, webhookId: string, wanted: z.infer<typeof deliveriesWanted>) {
  const after = positionOf(wanted.cursor, position)
  let query = db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', webhookId)
  if (wanted.status) query = query.where('status', '=', wanted.status)
  if (after) query = query.where('seq', '<', after[0])
  const rows = await query
    .orderBy('seq', 'desc')
    .limit(wanted.limit + 1)
    .execute()
  const page = pageOf(rows, wanted.limit, ({ seq }) => [seq])
  const deliveries = page.rows.map(
    (row): z.infer<typeof shownDelivery> => ({
      id: row.delivery_id,
      messageId: messageId(row.delivery_id),
      seq: row.seq,
      action: row.action,
      status: row.status,
      attempts: row.attempts,
      createdAt: iso(row.created_at),
      nextAttemptAt: row.status === 'pending' ? isoIfSet(row.next_at ?? undefined) : undefined,
      endedAt: isoIfSet(row.ended_at ?? undefined),
      lastStatus: row.last_status ?? undefined,
      lastError: row.last_error ?? undefined,
    }),
  )
  return { deliveries, nextCursor: page.nextCursor }
}

/**
 * Delivers something once more, from its first attempt on, under the id that it had: one delivery that has ended, or all dead
 * letters of a subscription.
 *
 * @returns how many
 * @throws IdpError `UNKNOWN_WEBHOOK`, `UNKNOWN_DELIVERY`, `FORBIDDEN`
 */
export async function redeliver(
  transaction: Transaction<IdpTables>,
  queue: DeliveryQueue,
  caller: Caller,
  webhookId: string,
  deliveryId?: string,
): Promise<number> {
  await webhookOf(transaction, caller, webhookId)
  const which = deliveryId
    ? sql`delivery_id = ${deliveryId} AND status <> 'pending'`
    : sql`delivery_id IN (SELECT delivery_id FROM webhook_deliveries
        WHERE webhook_id = ${webhookId} AND status = 'dead_letter' ORDER BY seq LIMIT ${mostAtOnce})`
  const { rows } = await sql<{ id: string }>`
    UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_at = now(), ended_at = NULL
    WHERE webhook_id = ${webhookId} AND ${which} RETURNING delivery_id AS id`.execute(transaction)
  if (deliveryId !== undefined && rows.length === 0)
    throw new IdpError('UNKNOWN_DELIVERY', 'there is no such delivery of this webhook that has ended')
  const jobs = rows.map(({ id }) => jobOf(id, webhookId))
  await queue.insert(jobs, transaction)
  await record(transaction, caller, 'webhook.redelivered', { webhookId, deliveryId, count: rows.length })
  return rows.length
}
