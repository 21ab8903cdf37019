/** Milliseconds since the Unix epoch, by the machine's wall clock. */
export const systemClock = (): number => Date.now()

/** Milliseconds since some fixed moment; never set back. No other file of this package reads a clock. */
export const monotonicClock = (): number => performance.now()
