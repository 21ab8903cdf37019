import type { IdpDatabase } from '../tables.ts'
import type { Sending } from './attempt.ts'
import { gathering } from './gathering.ts'
import type { DeliveryQueue } from './queue.ts'
import type { Room } from './room.ts'
import { sender } from './send.ts'
import { type Attempted, type Ending, settle } from './settle.ts'
import type { Due } from './take.ts'

/** What has ended waits so long for company. */
const gatherMs = 10
const mostSettledAtOnce = 256
/** What is under way when the worker ends has so long. An instance has two seconds for all of its end. */
const endMs = 1_000

/** What attempts are made by, and where it is written down what came of them. */
export interface Attempting {
  db: IdpDatabase
  queue: DeliveryQueue
  sending: Sending
  retryBaseMs: number
  /** Told how each attempt ended that counts. */
  counted(ending: Ending): void
  onError(error: unknown): void
}

/** The attempts that a worker has begun. */
export interface UnderWay {
  begin(due: Due): void
  /** Ends when they have ended; what takes too long is left to be done again. */
  end(): Promise<void>
}

/** @param settled is told when what came of some attempts is written down, and their places are free again */
export function attemptsUnderWay(attempting: Attempting, places: Room, settled: () => void): UnderWay {
  const { db, queue, sending, onError } = attempting
  const ending = new AbortController()
  const send = sender(sending, ending.signal)
  const results = gathering(settleAll, gatherMs, mostSettledAtOnce)
  const attempts = new Set<Promise<void>>()

  async function deliverOne(due: Due): Promise<void> {
    const { job, pending, subscription } = due
    const { webhookId } = pending
    places.hold(webhookId)
    try {
      const outcome = await send(due)
      places.note(webhookId, outcome.isDelivered)
      results.add({ job, pending, organizationId: subscription.organization_id, outcome })
    } catch (error) {
      places.release(webhookId)
      if (!ending.signal.aborted) onError(error)
      await queue.giveBack([job], 'it was not tried to the end').catch(onError)
    }
  }

  async function settleAll(attempted: Attempted[]): Promise<void> {
    try {
      const how = { baseMs: attempting.retryBaseMs, now: sending.now() }
      for (const each of await settle(db, queue, attempted, how)) attempting.counted(each)
    } catch (error) {
      // Nobody says that it was done, so it is done again: a receiver knows it by its id.
      onError(error)
    } finally {
      for (const { pending } of attempted) places.release(pending.webhookId)
      settled()
    }
  }

  return {
    begin(due) {
      const done: Promise<void> = deliverOne(due).finally(() => attempts.delete(done))
      attempts.add(done)
    },
    async end() {
      const late = setTimeout(() => ending.abort(), endMs)
      await Promise.all(attempts)
      clearTimeout(late)
      await results.end()
    },
  }
}
