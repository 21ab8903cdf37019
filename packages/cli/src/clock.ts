/** Milliseconds since the Unix epoch. Passed in wherever time matters. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()

/** Milliseconds by a clock that never jumps: for latencies and schedules. */
export const monotonicClock: Clock = () => performance.now()
