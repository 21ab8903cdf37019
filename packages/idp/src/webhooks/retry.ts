/** How often it is tried to deliver something. */
export const mostAttempts = 10
/** Each time it is waited for so many times as long as the time before. With 5 s at first that is 14 hours in all. */
const factor = 3
/** So much earlier or later, so that those that failed together do not come back together. */
const jitter = 0.25
/** A receiver may ask for more time, but not for ever. */
const longestAskedMs = 24 * 3_600_000

/**
 * When a delivery is tried again, in milliseconds from now.
 *
 * @param attempts that were made
 * @param askedMs what the receiver asked for, by Retry-After
 * @param random from 0 to 1
 */
export function retryAfterMs(
  baseMs: number,
  attempts: number,
  askedMs = 0,
  random: () => number = Math.random,
): number {
  const wait = baseMs * factor ** (attempts - 1) * (1 - jitter + 2 * jitter * random())
  return Math.max(wait, Math.min(askedMs, longestAskedMs))
}

/** What a Retry-After says (RFC 9110 §10.2.3), in milliseconds; nothing where it says nothing that makes sense. */
export function askedBy(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) || at <= now ? undefined : at - now
}
