/** Milliseconds since the Unix epoch. */
export type Clock = () => number

/** The machine's wall clock: the only place of this package that reads it. */
export const systemClock: Clock = () => Date.now()

/** For how long something took, where the wall clock may be set meanwhile. It begins anywhere. */
export const monotonicClock: Clock = () => performance.now()
