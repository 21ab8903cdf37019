/** Milliseconds since some fixed moment; never set back. The only place of this package that reads a clock. */
export const monotonicClock = (): number => performance.now()
