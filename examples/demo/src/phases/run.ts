import { setTimeout as delay } from 'node:timers/promises'
import type { Administration } from '../administration/client.ts'
import type { Clock } from '../clock.ts'
import { DemoError } from '../error.ts'
import type { Estate } from '../estate/estate.ts'
import type { Load } from '../load/load.ts'
import type { Terminal } from '../terminal.ts'

/** What every phase has at hand. */
export interface Run {
  estate: Estate
  administration: Administration
  load: Load
  clock: Clock
  terminal: Terminal
  /** Ends every wait. */
  interrupted: AbortSignal
  /** What is being waited for, for whoever watches: "for …", "until … for …". */
  waiting: string
}

const lookEveryMs = 200

/**
 * Looks again and again until there is a result.
 *
 * @throws DemoError `TOO_LONG` when there is none in time; an AbortError when interrupted
 */
export async function until<T>(
  run: Run,
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const endsAt = run.clock.monotonicMs() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (run.clock.monotonicMs() > endsAt) throw new DemoError('TOO_LONG', `${what}: not within ${withinMs / 1_000} s`)
    await delay(lookEveryMs, undefined, { signal: run.interrupted })
  }
}
