/** A moment for a column, in local time and always as wide: "2026-03-01 12:00:07". */
export function stamp(iso: string): string {
  const at = new Date(iso)
  const day = [at.getFullYear(), padded(at.getMonth() + 1), padded(at.getDate())].join('-')
  return `${day} ${timeOfDay(iso)}`
}

/** A moment of these days, in local time: "12:00:07". */
export function timeOfDay(iso: string): string {
  const at = new Date(iso)
  return `${clockTime(at)}:${padded(at.getSeconds())}`
}

const dayMs = 86_400_000

/** "at 14:05", with seconds when it is within a minute and a date when it is not today or soon. In local time. */
export function atTime(iso: string, now: number): string {
  const at = new Date(iso)
  const distanceMs = at.getTime() - now
  if (Math.abs(distanceMs) < 60_000) return `at ${timeOfDay(iso)}`
  if (Math.abs(distanceMs) < dayMs / 2) return `at ${clockTime(at)}`
  return `on ${at.getFullYear()}-${padded(at.getMonth() + 1)}-${padded(at.getDate())} at ${clockTime(at)}`
}

function clockTime(at: Date): string {
  return `${padded(at.getHours())}:${padded(at.getMinutes())}`
}

function padded(part: number): string {
  return String(part).padStart(2, '0')
}
