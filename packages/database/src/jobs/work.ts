import { pause } from '../clock.ts'
import { asDatabaseError } from '../connection/translate.ts'
import type { Job, Queue } from './queue.ts'

/** How a worker works. */
export interface WorkOptions {
  /** How many jobs it is given at once; 1 by default. */
  batchSize?: number
  /** How long it waits when nothing was due. */
  everyMs: number
}

/** What a worker needs to know of its instance. */
export interface Worker {
  /** May this instance act now? Nothing is taken while it may not. */
  enabled: () => boolean
  onError: (error: unknown) => void
}

/**
 * Takes what is due, has it done, and says so, batch after batch. A worker that throws gives its batch back; what happens to it
 * then is as its queue says.
 *
 * @param act is told by the signal when the worker is to end
 * @returns ends it, when what is under way is done
 */
export function work<Data extends object>(
  queue: Queue<Data>,
  { batchSize = 1, everyMs }: WorkOptions,
  act: (jobs: readonly Job<Data>[], signal: AbortSignal) => Promise<void>,
  { enabled, onError }: Worker,
): () => Promise<void> {
  const ending = new AbortController()
  const once = async () => {
    const jobs = enabled() ? await queue.take(batchSize) : []
    if (jobs.length === 0) return pause(everyMs, ending.signal)
    try {
      await act(jobs, ending.signal)
    } catch (error) {
      onError(error)
      return queue.giveBack(jobs, 'the worker failed')
    }
    await queue.complete(jobs)
  }
  const run = async () => {
    while (!ending.signal.aborted) {
      await once().catch((error) => {
        onError(asDatabaseError(error))
        return pause(everyMs, ending.signal)
      })
    }
  }
  const running = run()
  return async () => {
    ending.abort()
    await running
  }
}
