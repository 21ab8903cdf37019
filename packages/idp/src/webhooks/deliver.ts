/**
 * The worker that delivers. It takes jobs while it has room, sends what they are about, and writes down what came of it in
 * batches: a transaction for each delivery would be most of the work.
 */

import { putAside } from './pause.ts'
import { room } from './room.ts'
import { type Taking, take } from './take.ts'
import { type Attempting, attemptsUnderWay } from './under-way.ts'

const idleMs = 250

/** What a worker needs. */
export interface Delivering extends Taking, Attempting {
  /** May this instance act now? */
  enabled: () => boolean
}

/**
 * Delivers from now on.
 *
 * @returns ends it, when what is under way has ended; what takes too long is left to be done again
 */
export function deliver(delivering: Delivering): () => Promise<void> {
  const { db, queue, enabled, onError } = delivering
  const places = room()
  const underWay = attemptsUnderWay(delivering, places, () => wake())
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
    const taken = await take(delivering, places)
    if (!taken) return false
    for (const due of taken.due) underWay.begin(due)
    await putAside(db, queue, taken.waiting)
    await queue.complete(taken.over)
    return true
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
    await underWay.end()
  }
}
