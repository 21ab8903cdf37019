/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()

/** Milliseconds since some fixed moment: never set back or forward. */
export const monotonicClock: Clock = () => performance.now()
