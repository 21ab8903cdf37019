import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, systemClock } from '@rekey/keyring'
import type { SecretSource } from './source.ts'

/** Who is told of a source that is watched. */
export interface SourceWatcher {
  /** Hears what stands there, at first and whenever it is other than what was heard last. What throws is told to `failed`. */
  changed(values: string[]): void | Promise<void>
  /** Hears of each failure once, until something else happens. What was heard before is still good. */
  failed(error: unknown): void
}

/**
 * Looks at a source again and again, so that a change takes effect without a restart: each second, or as seldom as the
 * source asks for.
 *
 * @returns ends it, when what is under way is done; the source is not closed
 */
export function watchSource(source: SecretSource, watcher: SourceWatcher, everyMs = 1_000): () => Promise<void> {
  const ending = new AbortController()
  let heard: string | undefined
  let told: string | undefined

  async function look(): Promise<void> {
    const values = await source.values()
    if (ending.signal.aborted || heard === String(values)) return
    await watcher.changed(values)
    heard = String(values)
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      const failure = await look().then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (failure && told !== String(failure.error)) watcher.failed(failure.error)
      told = failure && String(failure.error)
      await rest(Math.max(everyMs, source.restMs), ending.signal)
    }
  }

  const running = run()
  return async () => {
    ending.abort()
    await running
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal, ref: false }).catch((error) => {
    if (!signal.aborted) throw error
  })
}

/** The values of a source for whoever asks all the time: read anew no more often than the source asks for. */
export function restful(source: SecretSource, clock: Clock = systemClock): () => Promise<string[]> {
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<string[]> | undefined
  return () => {
    const now = clock()
    // After a clock was set back, what was read is old.
    if (reading && now >= readAt && now < readAt + source.restMs) return reading
    readAt = now
    reading = source.values()
    return reading
  }
}
