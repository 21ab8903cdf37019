import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'

const tickMs = 5

/**
 * Calls `fire` at a fixed rate, whatever happened to the earlier calls (open loop): servers that stall are not spared,
 * as they would be by clients that wait for answers. What a late timer missed is made up for.
 *
 * @param rate calls per second
 */
export async function atRate(
  rate: number,
  durationMs: number,
  fire: () => void,
  monotonic: Clock,
  interrupted: AbortSignal,
): Promise<void> {
  const start = monotonic()
  let fired = 0
  for (;;) {
    const elapsedMs = Math.min(monotonic() - start, durationMs)
    for (const due = Math.floor((elapsedMs * rate) / 1000); fired < due; fired += 1) fire()
    if (elapsedMs >= durationMs || interrupted.aborted) return
    await delay(tickMs)
  }
}
