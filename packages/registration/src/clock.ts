/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. Ages of keys are told in days by it. */
export const systemClock: Clock = () => Date.now()

/** Milliseconds by a clock that never jumps: for waiting. */
export const monotonicClock: Clock = () => performance.now()
