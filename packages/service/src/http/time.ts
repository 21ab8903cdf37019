/** Times on the wire: ISO 8601 in UTC. Everywhere else they are milliseconds since the epoch. */
import { z } from 'zod'

/** A time as replies have it. */
export const time = z.iso.datetime()

/**
 * The last whole second that is written with four digits of a year: `time` knows no more, and verifiers round up to seconds.
 * Nothing is made that would end later.
 */
export const lastMoment = 253_402_300_799_000

/** A time that a caller gives, in whichever zone. */
export const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= 0 && ms <= lastMoment, 'a moment between 1970 and 9999')

/** What is later all the same is shown as the last moment: a reply that cannot be written would be one about a change that was made. */
export function iso(ms: number): string {
  return new Date(Math.min(ms, lastMoment)).toISOString()
}

/** A member that is left out where there is no such time. */
export function isoIfSet(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : iso(ms)
}

/** A member that is always there. */
export function isoOrNull(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : iso(ms)
}
