/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** The system's clocks. */
export const systemClock: Clock = () => Date.now()
export const monotonicClock: Clock = () => performance.now()
