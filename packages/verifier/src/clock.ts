/** Cancels what {@link Clock.after} arranged; harmless when it already ran. */
export type Cancel = () => void

/** Time as this package sees it, all in milliseconds. Give your own to test what depends on time. */
export interface Clock {
  /** Wall clock, since the Unix epoch: goes on while a machine is suspended, and may jump. */
  wallMs(): number
  /** Monotonic clock of arbitrary origin: never jumps, and may stand still while a machine is suspended. */
  monotonicMs(): number
  /** Runs `act` once, `delayMs` from now. What is done in the `background` does not keep a process alive by itself. */
  after(delayMs: number, act: () => void, background?: boolean): Cancel
}

/** A longer one would be over at once. Whoever waits for longer looks again when it is woken. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The clock of the machine. Nothing else in this package reads it. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, act, background = false) {
    const timer = setTimeout(act, Math.min(delayMs, LONGEST_TIMER_MS))
    if (background) timer.unref()
    return () => clearTimeout(timer)
  },
}

/** One moment on both clocks; a span counts as over when either clock says so. */
export interface Moment {
  wallMs: number
  monotonicMs: number
}

export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() }
}

/** What passed since `then`, by whichever clock saw more: a wall clock set back cannot make it shorter. */
export function elapsedMs(clock: Clock, then: Moment): number {
  return Math.max(clock.wallMs() - then.wallMs, clock.monotonicMs() - then.monotonicMs)
}
