/**
 * What waits while its webhook is paused, or its organization is shut out: the delivery stays pending and has no job. Whoever puts it
 * aside and whoever resumes the webhook hold its row one after the other, so that one of them sees what the other one did.
 */

import type { Job } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { type DeliveryJob, type DeliveryQueue, jobOf } from './queue.ts'
import { isSent } from './stored.ts'

/** Which pending deliveries nobody is going to try: no job is about them. */
export const hasNoJob = (queue: Pick<DeliveryQueue, 'name'>) => sql<boolean>`NOT EXISTS (
  SELECT FROM pgboss.job WHERE job.name = ${queue.name} AND job.state < 'completed'
    AND job.data ->> 'delivery' = delivery_id::text)`

/** Ends jobs without an attempt where nothing may be sent now. The others are done again. */
export async function putAside(
  db: IdpDatabase,
  queue: DeliveryQueue,
  jobs: readonly Job<DeliveryJob>[],
): Promise<void> {
  if (jobs.length === 0) return
  const again = await db.transaction().execute(async (transaction) => {
    const waiting = await waitingOf(transaction, jobs)
    await queue.complete(
      jobs.filter(({ data }) => waiting.has(data.delivery)),
      transaction,
    )
    return jobs.filter(({ data }) => !waiting.has(data.delivery))
  })
  await queue.giveBack(again, 'the webhook was resumed meanwhile')
}

/** Those of the deliveries whose webhooks are sent nothing; held so until the transaction ends. */
async function waitingOf(
  transaction: Transaction<IdpTables>,
  jobs: readonly Job<DeliveryJob>[],
): Promise<ReadonlySet<string>> {
  const ids = jobs.map(({ data }) => data.delivery)
  const { rows } = await sql<{ id: string }>`
    WITH held AS MATERIALIZED (
      SELECT webhook_id FROM webhooks WHERE NOT ${isSent} AND webhook_id IN (
        SELECT webhook_id FROM webhook_deliveries WHERE delivery_id = ANY (${ids}::uuid[]))
      ORDER BY webhook_id FOR SHARE OF webhooks)
    SELECT delivery_id AS id FROM webhook_deliveries JOIN held USING (webhook_id)
    WHERE delivery_id = ANY (${ids}::uuid[])`.execute(transaction)
  return new Set(rows.map(({ id }) => id))
}

/** Has that delivered which waited. The caller holds the row of the webhook. */
export async function resume(
  transaction: Transaction<IdpTables>,
  queue: DeliveryQueue,
  webhookId: string,
): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    UPDATE webhook_deliveries SET next_at = now()
    WHERE webhook_id = ${webhookId} AND status = 'pending' AND ${hasNoJob(queue)}
    RETURNING delivery_id AS id`.execute(transaction)
  await queue.insert(
    rows.map(({ id }) => jobOf(id, webhookId)),
    transaction,
  )
}
