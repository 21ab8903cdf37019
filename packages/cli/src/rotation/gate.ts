import type { Waiting } from '../client/keyring.ts'

/** What a closed gate waits for, as a sentence: "waiting for verifier api-7; opens by itself at 14:05". */
export function gateSentence(waiting: Pick<Waiting, 'for' | 'opensAt'> & Partial<Waiting>, now: number): string {
  const parties = waiting.for.length === 0 ? `the gate "${waiting.gate ?? ''}"` : listed(waiting.for)
  const opening =
    waiting.opensAt === null ? 'opens as soon as that is confirmed' : `opens by itself ${atTime(waiting.opensAt, now)}`
  return `waiting for ${parties}; ${opening}`
}

const namedAtMost = 5

function listed(parties: readonly string[]): string {
  if (parties.length <= namedAtMost) return parties.join(', ')
  return `${parties.slice(0, namedAtMost).join(', ')} and ${parties.length - namedAtMost} more`
}

const dayMs = 86_400_000

/** "at 14:05", with seconds when it is within a minute and a date when it is not today or soon. In local time. */
export function atTime(iso: string, now: number): string {
  const at = new Date(iso)
  const distanceMs = at.getTime() - now
  if (Math.abs(distanceMs) < 60_000) return `at ${clockTime(at)}:${padded(at.getSeconds())}`
  if (Math.abs(distanceMs) < dayMs / 2) return `at ${clockTime(at)}`
  return `on ${at.getFullYear()}-${padded(at.getMonth() + 1)}-${padded(at.getDate())} at ${clockTime(at)}`
}

function clockTime(at: Date): string {
  return `${padded(at.getHours())}:${padded(at.getMinutes())}`
}

function padded(part: number): string {
  return String(part).padStart(2, '0')
}
