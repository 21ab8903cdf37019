import type { Clock } from '../clock.ts'
import type { Glance } from './glance.ts'

/** For how long what should happen all the time has not happened, in milliseconds. */
export interface AuditAges {
  /** Since the event was recorded that has been waiting for its place the longest; 0 when none waits. */
  oldestWaiting: number
  /** Since a verification last found everything right; before the first one, since the instance began. */
  verified: number
  /** Since the file outside held the newest checkpoint; `Infinity` when there is no such file. */
  kept: number
}

export class Ages {
  readonly #clock: Clock
  #waitingFrom: number | undefined
  #verifiedAt: number
  #keptAt: number

  constructor(clock: Clock, keepsOutside: boolean) {
    this.#clock = clock
    this.#verifiedAt = clock()
    this.#keptAt = keepsOutside ? clock() : Number.NEGATIVE_INFINITY
  }

  /** A look that failed is followed by none: what waited then goes on waiting. */
  looked({ waitingSince, now }: Pick<Glance, 'waitingSince' | 'now'>): void {
    this.#waitingFrom = waitingSince === null ? undefined : this.#clock() - Math.max(0, now - waitingSince)
  }

  verified(): void {
    this.#verifiedAt = this.#clock()
  }

  kept(): void {
    this.#keptAt = this.#clock()
  }

  now(): AuditAges {
    const now = this.#clock()
    return {
      oldestWaiting: this.#waitingFrom === undefined ? 0 : now - this.#waitingFrom,
      verified: now - this.#verifiedAt,
      kept: now - this.#keptAt,
    }
  }
}
