import { setTimeout as pause } from 'node:timers/promises'
import type { Tried } from './call.ts'

/** How often somebody is asked, and for how long. */
export interface Patience {
  readonly attempts: number
  /** Before the second try; twice that before the third, and so on, less up to a half of it drawn at random. */
  readonly backoffMs: number
  /** Over all tries. */
  readonly timeoutMs: number
  readonly random: () => number
}

/** Tries until there is no fault, or no patience. One try that hangs leaves time for another one. */
export async function retried<T>(
  once: (signal: AbortSignal) => Promise<Tried<T>>,
  { attempts, backoffMs, timeoutMs, random }: Patience,
): Promise<Tried<T>> {
  const whole = AbortSignal.timeout(timeoutMs)
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= attempts
    const tried = await once(isLast ? whole : AbortSignal.any([whole, AbortSignal.timeout(timeoutMs / 2)]))
    if (!('fault' in tried) || isLast || whole.aborted) return tried
    const waitMs = backoffMs * 2 ** (attempt - 1) * (1 - random() / 2)
    // Whoever asks us to come later than we can wait has answered for good.
    if ((tried.afterMs ?? 0) > timeoutMs) return tried
    if (!(await paused(Math.max(waitMs, tried.afterMs ?? 0), whole))) return tried
  }
}

async function paused(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
