/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()
