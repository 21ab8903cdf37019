import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { hasNoJob } from './pause.ts'
import { type DeliveryQueue, jobOf } from './queue.ts'
import { isSent } from './stored.ts'

/**
 * A delivery that should have been tried for so long has no job any more: a backup was restored, which has none, or its organization was
 * shut out for a while. What is paused waits until it is resumed.
 */
const lostAfterMinutes = 15
const mostAtOnce = 1_000

/** Gives jobs to deliveries that have lost theirs, and forgets those that ended long ago. */
export async function recover(db: IdpDatabase, queue: DeliveryQueue, keptMs: number): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ id: string; webhookId: string }>`
      WITH lost AS (
        SELECT delivery_id FROM webhook_deliveries WHERE status = 'pending'
          AND coalesce(next_at, created_at) < now() - ${lostAfterMinutes} * interval '1 minute'
          AND webhook_id IN (SELECT webhook_id FROM webhooks WHERE ${isSent})
          AND ${hasNoJob(queue)}
        LIMIT ${mostAtOnce} FOR UPDATE SKIP LOCKED)
      UPDATE webhook_deliveries SET next_at = now() WHERE delivery_id IN (SELECT delivery_id FROM lost)
      RETURNING delivery_id AS id, webhook_id AS "webhookId"`.execute(transaction)
    await queue.insert(
      rows.map(({ id, webhookId }) => jobOf(id, webhookId)),
      transaction,
    )
  })
  await sql`
    DELETE FROM webhook_deliveries WHERE delivery_id IN (
      SELECT delivery_id FROM webhook_deliveries WHERE ended_at < now() - ${keptMs} * interval '1 millisecond'
      LIMIT 10000)`.execute(db)
}
