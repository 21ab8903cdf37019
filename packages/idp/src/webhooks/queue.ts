import type { Jobs, NewJob, Queue } from '@rekey/database'
import type { JobSettings } from '../config/jobs.ts'

/** One attempt to deliver something. */
export interface DeliveryJob {
  delivery: string
}

export type DeliveryQueue = Queue<DeliveryJob>

/** Whoever has taken a job and says nothing for as long as that has gone: it waits for its turn for three timeouts at most. */
export function openDeliveryQueue(
  jobs: Jobs,
  timeoutMs: number,
  { graceSeconds }: Pick<JobSettings, 'graceSeconds'>,
): Promise<DeliveryQueue> {
  return jobs.queue<DeliveryJob>('webhook', { expireInSeconds: Math.ceil((5 * timeoutMs) / 1_000) + graceSeconds })
}

/** A job that tries to deliver something, at once or later. The webhook is its group. */
export function jobOf(delivery: string, webhookId: string, startAfter?: Date): NewJob<DeliveryJob> {
  return { data: { delivery }, group: webhookId, ...(startAfter && { startAfter }) }
}
