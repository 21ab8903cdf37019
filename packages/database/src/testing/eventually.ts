import { setTimeout as delay } from 'node:timers/promises'
import { monotonicClock } from '../clock.ts'

const patienceMs = 20_000
/** Not at once: whoever is waited for needs the processor too. */
const betweenMs = 5

/** Asks again until the answer is as wanted; gives up after 20 s with the last answer. */
export async function eventually<T>(ask: () => Promise<T> | T, wanted: (answer: T) => boolean): Promise<T> {
  const until = monotonicClock() + patienceMs
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (monotonicClock() > until) throw new Error(`never as wanted; the last answer was ${JSON.stringify(answer)}`)
    await delay(betweenMs)
  }
}
