/**
 * From events to deliveries. One instance at a time goes through the audit's chain, from where the cursor stands: it holds the
 * cursor's row. What is to be delivered, the jobs that do it and the cursor's new place are one transaction, so that whoever is
 * killed has done a batch wholly or not at all: no event is left out, and none is sent twice.
 */

import { randomUUID } from 'node:crypto'
import type { ChainedEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { operatorOrganization } from '../agents/organization.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { fits } from './events.ts'
import { type DeliveryQueue, jobOf } from './queue.ts'
import { isSent } from './stored.ts'

/** So many events are gone through in one transaction. */
const batchSize = 500

type Subscriber = Pick<IdpTables['webhooks'], 'webhook_id' | 'organization_id' | 'events'> & { created_at: number }

interface Place {
  seq: number
  text: string
}

interface NewDelivery {
  id: string
  webhookId: string
  seq: number
  action: string
}

/** Goes through the next batch. @returns whether there may be more */
export function dispatchBatch(db: IdpDatabase, queue: DeliveryQueue): Promise<boolean> {
  return db.transaction().execute(async (transaction) => {
    const cursor = await takeCursor(transaction)
    if (cursor === undefined) return false
    // Read before the subscribers are: whoever subscribes in between is told of what comes after that.
    const newest = await newestPlace(transaction)
    if (newest <= cursor) return false
    const subscribers = await subscribersIn(transaction)
    if (subscribers.length === 0) {
      await moveCursor(transaction, newest)
      return false
    }
    const places = await placesBetween(transaction, cursor, newest)
    const last = places.at(-1)
    if (!last) return false
    const deliveries = places.flatMap((place) => deliveriesOf(place, subscribers))
    await insert(transaction, deliveries)
    await queue.insert(
      deliveries.map(({ id, webhookId }) => jobOf(id, webhookId)),
      transaction,
    )
    await moveCursor(transaction, last.seq)
    return places.length === batchSize
  })
}

/** Nobody waits for whoever holds it: he does what is to be done. */
async function takeCursor(transaction: Transaction<IdpTables>): Promise<number | undefined> {
  const query = transaction.selectFrom('webhook_cursor').select('seq').forUpdate().skipLocked()
  return (await query.executeTakeFirst())?.seq
}

async function newestPlace(transaction: Transaction<IdpTables>): Promise<number> {
  const { rows } = await sql<{ seq: number }>`SELECT coalesce(max(seq), 0) AS seq FROM audit_chain`.execute(transaction)
  return rows[0]?.seq ?? 0
}

async function subscribersIn(transaction: Transaction<IdpTables>): Promise<Subscriber[]> {
  const { rows } = await sql<Subscriber>`
    SELECT webhook_id, organization_id, events, created_at FROM webhooks WHERE ${isSent}`.execute(transaction)
  return rows
}

async function moveCursor(transaction: Transaction<IdpTables>, seq: number): Promise<void> {
  await sql`UPDATE webhook_cursor SET seq = ${seq}`.execute(transaction)
}

async function placesBetween(transaction: Transaction<IdpTables>, cursor: number, newest: number): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT seq, text FROM audit_chain WHERE seq > ${cursor} AND seq <= ${newest}
    ORDER BY seq LIMIT ${batchSize}`.execute(transaction)
  return rows
}

function deliveriesOf({ seq, text }: Place, subscribers: readonly Subscriber[]): NewDelivery[] {
  const event = JSON.parse(text) as ChainedEvent
  return subscribers
    .filter((subscriber) => isFor(subscriber, event))
    .map(({ webhook_id: webhookId }) => ({ id: randomUUID(), webhookId, seq, action: event.action }))
}

/** Who is told of an event is who sees it in the audit, and nobody of what was before his time. */
function isFor({ webhook_id, organization_id, events, created_at }: Subscriber, event: ChainedEvent): boolean {
  const { organizationId, action, at, details } = event
  const sees =
    organizationId === undefined ? organization_id === operatorOrganization : organizationId === organization_id
  if (!sees || Date.parse(at) < created_at || !fits(events, action)) return false
  // What cannot be delivered anywhere must not make another delivery that cannot.
  return !(action === 'webhook.dead_lettered' && details.webhookId === webhook_id)
}

async function insert(transaction: Transaction<IdpTables>, deliveries: readonly NewDelivery[]): Promise<void> {
  if (deliveries.length === 0) return
  await sql`
    INSERT INTO webhook_deliveries (delivery_id, webhook_id, seq, action)
    SELECT * FROM unnest(${deliveries.map(({ id }) => id)}::uuid[], ${deliveries.map(({ webhookId }) => webhookId)}::text[],
      ${deliveries.map(({ seq }) => seq)}::bigint[], ${deliveries.map(({ action }) => action)}::text[])`.execute(
    transaction,
  )
}
