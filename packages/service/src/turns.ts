import { ServiceError } from './error.ts'

/** Runs something when its turn has come; those of one key share their turns. */
export type Turns = <Result>(key: string, act: () => Promise<Result>, signal?: AbortSignal) => Promise<Result>

/**
 * Lets so many run at once, of one key, in the order in which they came; who has a signal waits until that says no longer.
 *
 * @param mostWaiting of one key: beyond that they are turned away by ServiceError `OVERLOADED`
 */
export function turns(mostAtOnce: number, mostWaiting = Number.POSITIVE_INFINITY): Turns {
  const taken = new Map<string, { count: number; waiting: Set<() => void> }>()

  function turn(key: string, signal: AbortSignal | undefined): Promise<void> | undefined {
    const of = taken.get(key) ?? { count: 0, waiting: new Set() }
    taken.set(key, of)
    if (of.count < mostAtOnce) {
      of.count += 1
      return undefined
    }
    if (of.waiting.size >= mostWaiting)
      throw new ServiceError('OVERLOADED', 'too many wait for this already; try again')
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        of.waiting.delete(go)
        reject(signal?.reason)
      }
      const go = () => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      of.waiting.add(go)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** Whoever waits longest takes the turn over. */
  function leave(key: string): void {
    const of = taken.get(key)
    if (!of) return
    const [next] = of.waiting
    if (next) {
      of.waiting.delete(next)
      next()
    } else if (of.count > 1) of.count -= 1
    else taken.delete(key)
  }

  return async (key, act, signal) => {
    await turn(key, signal)
    try {
      return await act()
    } finally {
      leave(key)
    }
  }
}
