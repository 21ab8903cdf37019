import type { Random } from './random.ts'

/** How bad everything is. Each seed draws its own: many are calm in most respects, so that the others are seen alone. */
export interface Weather {
  /** Most of the calls to the database take up to this long one way. */
  databaseLatencyMs: number
  /** Chances, per call to the database. */
  requestLost: number
  replyLost: number
  slow: number
  crashBeforeCall: number
  crashAfterCommit: number
  /** Chances, per request or connection between a verifier and an instance. */
  messageLost: number
  messageDoubled: number
  messageSlow: number
  connectionHalfOpen: number
}

export const calm: Weather = {
  databaseLatencyMs: 3,
  requestLost: 0,
  replyLost: 0,
  slow: 0,
  crashBeforeCall: 0,
  crashAfterCommit: 0,
  messageLost: 0,
  messageDoubled: 0,
  messageSlow: 0,
  connectionHalfOpen: 0,
}

export function drawWeather(random: Random): Weather {
  const sometimes = (share: number, most: number) => (random.chance(share) ? random.between(0, most) : 0)
  return {
    databaseLatencyMs: random.pick([1, 3, 10, 60]),
    requestLost: sometimes(0.3, 0.004),
    replyLost: sometimes(0.3, 0.004),
    slow: sometimes(0.35, 0.12),
    crashBeforeCall: sometimes(0.3, 0.002),
    crashAfterCommit: sometimes(0.3, 0.002),
    messageLost: sometimes(0.3, 0.1),
    messageDoubled: sometimes(0.3, 0.1),
    messageSlow: sometimes(0.3, 0.1),
    connectionHalfOpen: sometimes(0.3, 0.3),
  }
}
