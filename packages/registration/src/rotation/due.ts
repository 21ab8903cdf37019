import type { RotationOptions } from '../options/client-options.ts'
import { stampOf } from './kid.ts'

export const DAY_MS = 86_400_000
/** Replicas that are started one after another with `BFF_JWK_ROTATE_AFTER_DAYS=0` rotate once: this long the first one's key counts as new. */
const SIBLING_MS = 10 * 60_000

export interface Held {
  /** The kid it is registered by; undefined when it is not. */
  readonly kid: string | undefined
  /** When its file was written. */
  readonly madeAt: number
  /** Another process put it there while this one waited for the folder. */
  readonly replacedMeanwhile: boolean
}

/** Why the key in the file has to be replaced now, or undefined. */
export function dueForRotation(
  held: Held | undefined,
  { rotateAfterDays, evenIfNew = false }: Pick<RotationOptions, 'rotateAfterDays' | 'evenIfNew'>,
  now: number,
): string | undefined {
  if (held === undefined) return 'the PEM is missing'
  const stamp = held.kid === undefined ? undefined : stampOf(held.kid)
  const age = now - (stamp ?? held.madeAt)
  if (rotateAfterDays === 0) {
    // The first key has no time in its kid: rotating it right after the registration is a wish, not a sibling's echo.
    const justRotated = !evenIfNew && stamp !== undefined && Math.abs(now - stamp) < SIBLING_MS
    return held.replacedMeanwhile || justRotated ? undefined : 'BFF_JWK_ROTATE_AFTER_DAYS is 0'
  }
  if (age < rotateAfterDays * DAY_MS) return undefined
  const days = Math.floor(age / DAY_MS)
  return `the old one is ${days === 0 ? 'less than a day' : `${days} day${days === 1 ? '' : 's'}`} old, and BFF_JWK_ROTATE_AFTER_DAYS is ${rotateAfterDays}`
}
