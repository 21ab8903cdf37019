import type { Waiting } from '../client/keyring.ts'
import { atTime } from '../terminal/moment.ts'

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
