/** Milliseconds since the Unix epoch. Passed in wherever time matters, so that tests and simulations own it. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()
