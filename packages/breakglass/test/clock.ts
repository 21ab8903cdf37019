import type { Clock } from '../src/clock.ts'

/** The system's clocks. */
export const systemClock: Clock = () => Date.now()
export const monotonicClock: Clock = () => performance.now()
