import { setTimeout as wait } from 'node:timers/promises'

const pollMs = 50
const defaultDeadlineMs = 40_000

/**
 * Asks again until there is an answer, and gives up at a deadline: what is waited for here comes by itself or never.
 *
 * @param ask undefined, null, false or an error: not yet
 * @throws Error that says what never came, and what the last attempt said
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  withinMs: number = defaultDeadlineMs,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const last = await attempt(ask)
    if ('value' in last && last.value) return last.value
    if (performance.now() > deadline) throw neverCame(what, withinMs, last)
    await wait(pollMs)
  }
}

type Attempt<T> = { value: T } | { error: unknown }

async function attempt<T>(ask: () => Promise<T> | T): Promise<Attempt<T>> {
  try {
    return { value: await ask() }
  } catch (error) {
    return { error }
  }
}

function neverCame(what: string, withinMs: number, last: Attempt<unknown>): Error {
  const cause = 'error' in last ? last.error : undefined
  const said = cause instanceof Error ? `: ${cause.message}` : ''
  return new Error(`not within ${withinMs} ms: ${what}${said}`, { cause })
}
