import type { Job } from '@rekey/database'
import type { IdpDatabase } from '../tables.ts'
import { loadPending, type Pending, type Subscription } from './load.ts'
import type { DeliveryJob, DeliveryQueue } from './queue.ts'
import type { Room } from './room.ts'

const takenAtOnce = 128

/** From where jobs are taken, and how it is found out what they are about. */
export interface Taking {
  db: IdpDatabase
  queue: DeliveryQueue
  subscriptionsOf(webhookIds: readonly string[]): Promise<ReadonlyMap<string, Subscription>>
}

/** A delivery that is to be tried now. */
export interface Due {
  job: Job<DeliveryJob>
  pending: Pending
  subscription: Subscription
}

/** Jobs that were taken, by what becomes of them. */
export interface Taken {
  due: Due[]
  /** Nothing may be sent to their webhooks now. */
  waiting: Job<DeliveryJob>[]
  /** What they are about was deleted, or delivered already by somebody who could not say so any more. */
  over: Job<DeliveryJob>[]
}

/** Takes jobs while there is room for them. @returns undefined where there are none */
export async function take(taking: Taking, places: Room): Promise<Taken | undefined> {
  const jobs = await taking.queue.take(Math.min(places.left(), takenAtOnce), places.full())
  return jobs.length > 0 ? lookUp(taking, jobs) : undefined
}

async function lookUp({ db, subscriptionsOf }: Taking, jobs: readonly Job<DeliveryJob>[]): Promise<Taken> {
  const byDelivery = new Map(jobs.map((job) => [job.data.delivery, job]))
  const found = await loadPending(db, [...byDelivery.keys()])
  const subscriptions = await subscriptionsOf([...new Set(found.map(({ webhookId }) => webhookId))])
  const due: Due[] = []
  const waiting: Job<DeliveryJob>[] = []
  for (const pending of found) {
    const subscription = subscriptions.get(pending.webhookId)
    const job = byDelivery.get(pending.deliveryId)
    if (!subscription || !job) continue
    byDelivery.delete(pending.deliveryId)
    if (isHeldBack(subscription)) waiting.push(job)
    else due.push({ job, pending, subscription })
  }
  return { due, waiting, over: [...byDelivery.values()] }
}

const isHeldBack = ({ status, isSent }: Subscription): boolean =>
  status === 'paused' || (status === 'active' && !isSent)
