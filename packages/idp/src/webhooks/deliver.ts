/**
 * The worker that delivers. It takes jobs while it has room, sends what they are about, and writes down what came of it in
 * batches: a transaction for each delivery would be most of the work.
 */

import type { Job } from '@rekey/database'
import { turns } from '@rekey/service'
import type { IdpDatabase } from '../tables.ts'
import { attempt, type Outcome, type Sending } from './attempt.ts'
import { gathering } from './gathering.ts'
import { loadPending, type Pending, type Subscription } from './load.ts'
import { bodyOf, messageId } from './message.ts'
import { putAside } from './pause.ts'
import type { DeliveryJob, DeliveryQueue } from './queue.ts'
import { room } from './room.ts'
import { type Attempted, type Ending, settle } from './settle.ts'
import { acceptedSecrets } from './stored.ts'

/** So many calls to one host at once. */
export const mostToOneHost = 32
const takenAtOnce = 128
const idleMs = 250
/** What has ended waits so long for company. */
const gatherMs = 10
const mostSettledAtOnce = 256
/** What is under way when the worker ends has so long. An instance has two seconds for all of its end. */
const endMs = 1_000

/** What a worker needs. */
export interface Delivering {
  db: IdpDatabase
  queue: DeliveryQueue
  sending: Sending
  subscriptionsOf(webhookIds: readonly string[]): Promise<ReadonlyMap<string, Subscription>>
  retryBaseMs: number
  /** May this instance act now? */
  enabled: () => boolean
  /** Told how each attempt ended that counts. */
  counted(ending: Ending): void
  onError(error: unknown): void
}

/**
 * Delivers from now on.
 *
 * @returns ends it, when what is under way has ended; what takes too long is left to be done again
 */
export function deliver(delivering: Delivering): () => Promise<void> {
  const { db, queue, sending, enabled, onError } = delivering
  const places = room()
  const toHost = turns(mostToOneHost)
  const results = gathering(settleAll, gatherMs, mostSettledAtOnce)
  const underWay = new Set<Promise<void>>()
  const ending = new AbortController()
  let isEnding = false
  let wake = () => {}

  async function run(): Promise<void> {
    while (!isEnding) {
      const tookSome = await takeSome().catch((error) => {
        onError(error)
        return false
      })
      if (!tookSome && !isEnding) await rest()
    }
  }

  async function takeSome(): Promise<boolean> {
    if (!enabled() || places.left() <= 0) return false
    const jobs = await queue.take(Math.min(places.left(), takenAtOnce), places.full())
    if (jobs.length > 0) await begin(jobs)
    return jobs.length > 0
  }

  async function begin(jobs: readonly Job<DeliveryJob>[]): Promise<void> {
    const byDelivery = new Map(jobs.map((job) => [job.data.delivery, job]))
    const found = await loadPending(db, [...byDelivery.keys()])
    const subscriptions = await delivering.subscriptionsOf([...new Set(found.map(({ webhookId }) => webhookId))])
    const waiting: Job<DeliveryJob>[] = []
    for (const pending of found) {
      const subscription = subscriptions.get(pending.webhookId)
      const job = byDelivery.get(pending.deliveryId)
      if (!subscription || !job) continue
      byDelivery.delete(pending.deliveryId)
      if (subscription.status === 'paused' || (subscription.status === 'active' && !subscription.isSent)) {
        waiting.push(job)
        continue
      }
      const done: Promise<void> = deliverOne(job, pending, subscription).finally(() => underWay.delete(done))
      underWay.add(done)
    }
    await putAside(db, queue, waiting)
    // What was deleted, or delivered already by somebody who could not say so any more.
    await queue.complete([...byDelivery.values()])
  }

  async function deliverOne(job: Job<DeliveryJob>, pending: Pending, subscription: Subscription): Promise<void> {
    const { webhookId } = pending
    places.hold(webhookId)
    try {
      const outcome = await send(pending, subscription)
      places.note(webhookId, outcome.isDelivered)
      results.add({ job, pending, organizationId: subscription.organization_id, outcome })
    } catch (error) {
      places.release(webhookId)
      if (!ending.signal.aborted) onError(error)
      await queue.giveBack([job], 'it was not tried to the end').catch(onError)
    }
  }

  async function send(pending: Pending, { status, target }: Subscription): Promise<Outcome> {
    if (status !== 'active') return { isDelivered: false, isFinal: true, error: `the webhook is ${status}` }
    if (!target) return { isDelivered: false, error: 'the webhook cannot be decrypted' }
    return toHost(hostOf(target.url), () => {
      const message = {
        id: messageId(pending.deliveryId),
        body: bodyOf(pending.text),
        url: target.url,
        secrets: acceptedSecrets(target, sending.now()),
      }
      return attempt(sending, message, ending.signal)
    })
  }

  async function settleAll(attempted: Attempted[]): Promise<void> {
    try {
      const how = { baseMs: delivering.retryBaseMs, now: sending.now() }
      for (const each of await settle(db, queue, attempted, how)) delivering.counted(each)
    } catch (error) {
      // Nobody says that it was done, so it is done again: a receiver knows it by its id.
      onError(error)
    } finally {
      for (const { pending } of attempted) places.release(pending.webhookId)
      wake()
    }
  }

  function rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, idleMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  const running = run()
  return async () => {
    isEnding = true
    wake()
    await running
    const late = setTimeout(() => ending.abort(), endMs)
    await Promise.all(underWay)
    clearTimeout(late)
    await results.end()
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)
