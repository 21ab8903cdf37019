import { type Job, recordEvents } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { gone, type Outcome } from './attempt.ts'
import type { Pending } from './load.ts'
import { type DeliveryJob, type DeliveryQueue, jobOf } from './queue.ts'
import { mostAttempts, retryAfterMs } from './retry.ts'

/** One attempt that was made. */
export interface Attempted {
  job: Job<DeliveryJob>
  pending: Pending
  organizationId: string
  outcome: Outcome
}

export type Ending = 'delivered' | 'pending' | 'dead_letter'

interface Result extends Attempted {
  ending: Ending
  nextAt: number | null
}

/**
 * Writes down what came of attempts: one transaction for many, with the jobs that are done and those that try again. An attempt
 * counts only where nobody else made one meanwhile, because it was taken for lost.
 *
 * @returns how those ended that counted
 */
export async function settle(
  db: IdpDatabase,
  queue: DeliveryQueue,
  attempted: readonly Attempted[],
  { baseMs, now }: { baseMs: number; now: number },
): Promise<Ending[]> {
  const results = attempted.map((each) => resultOf(each, baseMs, now))
  return db.transaction().execute(async (transaction) => {
    const counted = await save(transaction, results)
    const again = counted.flatMap(({ pending, nextAt }) =>
      nextAt === null ? [] : [jobOf(pending.deliveryId, pending.webhookId, new Date(nextAt))],
    )
    await queue.complete(
      attempted.map(({ job }) => job),
      transaction,
    )
    await queue.insert(again, transaction)
    await noteHealth(transaction, counted)
    await disableGone(transaction, counted)
    await tellDeadLetters(transaction, counted)
    return counted.map(({ ending }) => ending)
  })
}

function resultOf(attempted: Attempted, baseMs: number, now: number): Result {
  const { outcome, pending } = attempted
  const attempts = pending.attempts + 1
  if (outcome.isDelivered) return { ...attempted, ending: 'delivered', nextAt: null }
  if (outcome.isFinal || attempts >= mostAttempts) return { ...attempted, ending: 'dead_letter', nextAt: null }
  return { ...attempted, ending: 'pending', nextAt: Math.ceil(now + retryAfterMs(baseMs, attempts, outcome.askedMs)) }
}

async function save(transaction: Transaction<IdpTables>, results: readonly Result[]): Promise<Result[]> {
  const column = <Value>(value: (result: Result) => Value) => results.map(value)
  const { rows } = await sql<{ id: string }>`
    UPDATE webhook_deliveries AS d SET attempts = d.attempts + 1, status = r.status, last_status = r.answered,
      last_error = r.error, next_at = to_timestamp(r.next_at / 1000.0),
      ended_at = CASE WHEN r.status <> 'pending' THEN now() END
    FROM unnest(${column(({ pending }) => pending.deliveryId)}::uuid[], ${column(({ pending }) => pending.attempts)}::int[],
      ${column(({ ending }) => ending)}::text[], ${column(({ outcome }) => outcome.status ?? null)}::int[],
      ${column(({ outcome }) => outcome.error ?? null)}::text[], ${column(({ nextAt }) => nextAt)}::bigint[]
    ) AS r (id, attempts, status, answered, error, next_at)
    WHERE d.delivery_id = r.id AND d.attempts = r.attempts AND d.status = 'pending'
    RETURNING d.delivery_id AS id`.execute(transaction)
  const counted = new Set(rows.map(({ id }) => id))
  return results.filter(({ pending }) => counted.has(pending.deliveryId))
}

/** Since when nothing gets through to a receiver any more. */
async function noteHealth(transaction: Transaction<IdpTables>, results: readonly Result[]): Promise<void> {
  const failed = idsOf(results.filter(({ outcome }) => !outcome.isDelivered))
  const reached = idsOf(results.filter(({ outcome }) => outcome.isDelivered))
  const silent = failed.filter((id) => !reached.includes(id))
  if (silent.length > 0)
    await sql`UPDATE webhooks SET failing_since = now() WHERE webhook_id = ANY (${silent}) AND failing_since IS NULL`.execute(
      transaction,
    )
  if (reached.length > 0)
    await sql`UPDATE webhooks SET failing_since = NULL WHERE webhook_id = ANY (${reached}) AND failing_since IS NOT NULL`.execute(
      transaction,
    )
}

async function disableGone(transaction: Transaction<IdpTables>, results: readonly Result[]): Promise<void> {
  const unwanted = idsOf(results.filter(({ outcome }) => outcome.status === gone))
  if (unwanted.length === 0) return
  const reason = 'the receiver answered 410 Gone'
  const { rows } = await sql<{ webhookId: string; organizationId: string }>`
    UPDATE webhooks SET status = 'disabled', reason = ${reason}, changed_at = now()
    WHERE webhook_id = ANY (${unwanted}) AND status = 'active'
    RETURNING webhook_id AS "webhookId", organization_id AS "organizationId"`.execute(transaction)
  const events = rows.map(({ webhookId, organizationId }) =>
    eventOf('webhook.disabled', organizationId, { webhookId, reason }),
  )
  await recordEvents(transaction, events)
}

/** One event for each subscription, however many of its deliveries were given up at once. */
async function tellDeadLetters(transaction: Transaction<IdpTables>, results: readonly Result[]): Promise<void> {
  const dead = results.filter(({ ending }) => ending === 'dead_letter')
  const byWebhook = Object.entries(Object.groupBy(dead, ({ pending }) => pending.webhookId))
  const events = byWebhook.map(([webhookId, some = []]) =>
    eventOf('webhook.dead_lettered', some[0]?.organizationId ?? '', { webhookId, count: some.length }),
  )
  await recordEvents(transaction, events)
}

function eventOf(action: string, organizationId: string, details: Record<string, unknown>) {
  return { action, outcome: 'failed' as const, actor: 'rekey', organizationId, details }
}

const idsOf = (results: readonly Result[]) => [...new Set(results.map(({ pending }) => pending.webhookId))].sort()
