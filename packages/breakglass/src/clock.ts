/** Milliseconds since the Unix epoch, or since any moment for one that only goes on. Whoever calls this package has them. */
export type Clock = () => number
