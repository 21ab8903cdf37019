/** ISO 8601 with a zone: without one, a moment would depend on where it is read. */
const ISO = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/

/** Numbers up to here are seconds since the epoch (until the year 5138), larger ones milliseconds (from 1973 on). */
const LARGEST_SECONDS = 1e11
/** The last whole second that ISO 8601 writes with four digits: bounds are rounded up to seconds. */
const LAST_SECOND_OF_9999_MS = 253_402_300_799_000

/** Milliseconds since the Unix epoch, or undefined for what is no moment. */
export function momentMs(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? ofNumber(value) : typeof value === 'string' ? ofText(value) : Number.NaN
  return ms >= 0 && ms <= LAST_SECOND_OF_9999_MS ? ms : undefined
}

function ofNumber(value: number): number {
  return Math.ceil(value > LARGEST_SECONDS ? value : value * 1000)
}

function ofText(text: string): number {
  const day = ISO.exec(text)?.[1]
  return day !== undefined && existsInCalendar(day) ? Date.parse(text) : Number.NaN
}

/** Date.parse reads February 30 as March 2. */
function existsInCalendar(day: string): boolean {
  if (day.slice(8) <= '28') return true
  const midnightMs = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(midnightMs) || new Date(midnightMs).toISOString().startsWith(day)
}
