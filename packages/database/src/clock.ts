/** Milliseconds since the Unix epoch. Every function of this package that needs the time takes one of these. */
export type Clock = () => number

/** The system's clock. The only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()

/** Milliseconds since some fixed moment; never set back, but it stands still while a machine is suspended. */
export const monotonicClock: Clock = () => performance.now()

/** Runs `act` once, `delayMs` from now; the function returned calls it off. */
export type After = (delayMs: number, act: () => void) => () => void

/** The system's timers. */
export const systemAfter: After = (delayMs, act) => {
  const timer = setTimeout(act, delayMs)
  return () => clearTimeout(timer)
}

/** Returns when `ended` does, or when that many milliseconds are over. */
export async function atMost(ms: number, ended: Promise<void>, after: After): Promise<void> {
  let cancel = () => {}
  const over = new Promise<void>((resolve) => {
    cancel = after(ms, resolve)
  })
  await Promise.race([ended, over]).finally(() => cancel())
}

/** Waits that long, or until the signal says no longer. */
export async function pause(ms: number, signal?: AbortSignal, after: After = systemAfter): Promise<void> {
  if (signal?.aborted) return
  let cancel = () => {}
  let end = () => {}
  await new Promise<void>((resolve) => {
    end = resolve
    signal?.addEventListener('abort', end)
    cancel = after(ms, end)
  })
  cancel()
  signal?.removeEventListener('abort', end)
}
