/** How much an issuer is asked on behalf of people whom nobody knows: whoever invents a token makes us call it. */
import { type Turns, turns, windows } from '@rekey/service'
import type { Clock } from '../clock.ts'
import { BffError } from '../error.ts'

/** Of one address, of tokens that were no good: more than programs with an old token send, and nothing to an issuer. */
export const failureLimit = { most: 100, withinMs: 10_000 }

/** At once, and waiting for that: of one address, which leaves room for others, and of all. */
const mostOfOne = { atOnce: 64, waiting: 256 }
const mostOfAll = { atOnce: 128, waiting: 1_024 }

/** Asks for somebody. */
export interface Asking {
  /**
   * @param source where the token came from
   * @param isBad is an answer one to a token that is no good?
   * @throws BffError `RATE_LIMITED`; ServiceError `OVERLOADED`
   */
  ask<Answer>(source: string, how: () => Promise<Answer>, isBad: (answer: Answer) => boolean): Promise<Answer>
}

export function newAsking(clock: Clock): Asking {
  const failures = windows(failureLimit, clock)
  const ofOne: Turns = turns(mostOfOne.atOnce, mostOfOne.waiting)
  const ofAll: Turns = turns(mostOfAll.atOnce, mostOfAll.waiting)
  const requirePatience = (source: string) => {
    const waitMs = failures.waitMs(source)
    if (waitMs === 0) return
    const facts = { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
    throw new BffError('RATE_LIMITED', 'too many tokens from this address were no good; come again later', { facts })
  }
  return {
    async ask(source, how, isBad) {
      requirePatience(source)
      const inTurn = () =>
        ofAll('all', async () => {
          // Those before it may all have been bad.
          requirePatience(source)
          const answer = await how()
          if (isBad(answer)) failures.count(source)
          return answer
        })
      return ofOne(source, inTurn)
    },
  }
}
