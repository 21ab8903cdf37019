import type { AuditEvent } from '@rekey/database'
import { storable } from './storable.ts'

/** What may happen a thousand times a second, because anybody can make it happen. */
export interface GatheredEvent extends Omit<AuditEvent, 'details'> {
  /** Why, in a few words of ours. */
  cause: string
  /** Where the request came from. */
  address?: string
  /** Nothing that a caller chooses freely: what differs in it is an event of its own. */
  details?: Record<string, unknown>
}

/** Events that say the same. */
export interface Counted {
  key: string
  event: GatheredEvent
  /** Since it was last written. */
  count: number
  firstAt: number
  lastAt: number
  /** Is remembered after it was written, so that the next one is known to be a repetition. */
  stays: boolean
}

/** So many sorts are told apart in a window, and so many of one address. */
const [mostSorts, mostOfAddress] = [500, 50]
const longestText = 300

/**
 * Counts events that say the same. A flood of names must not fill the audit: beyond some sorts of one address those that follow
 * are told without the name, beyond many sorts without the address too.
 */
export class Tally {
  readonly #entries = new Map<string, Counted>()
  readonly #ofAddress = new Map<string, number>()

  /** @returns the entry, and whether it is the first of its sort */
  note(event: GatheredEvent, now: number, stays: boolean): { entry: Counted; isFirst: boolean } {
    const { action, outcome, cause, address } = event
    const own = keyOf(event)
    const isTold = this.#entries.has(own) || this.#hasRoomFor(address)
    const unnamed = { action, outcome, actor: 'many', cause }
    const told = isTold ? event : this.#isFull() ? unnamed : { ...unnamed, address }
    const key = isTold ? own : keyOf(told)
    const known = this.#entries.get(key)
    const entry = known ?? this.#begin(told, key, stays && isTold)
    entry.lastAt = now
    if (entry.count === 0) entry.firstAt = now
    entry.count += 1
    return { entry, isFirst: known === undefined }
  }

  /** What was not written yet, as it stands now. */
  pending(): Counted[] {
    return [...this.#entries.values()].filter(({ count }) => count > 0)
  }

  /** @param written as they stood when they were written; what came since is left */
  forget(written: readonly Counted[]): void {
    for (const { key, count, lastAt } of written) {
      const entry = this.#entries.get(key)
      if (!entry) continue
      entry.count -= count
      entry.firstAt = lastAt
      if (entry.count === 0 && !entry.stays) this.#entries.delete(key)
    }
  }

  /** What did not happen again is a first time when it does. */
  endWindow(): void {
    for (const { key, count } of this.#entries.values()) if (count === 0) this.#entries.delete(key)
    this.#ofAddress.clear()
  }

  #begin(event: GatheredEvent, key: string, stays: boolean): Counted {
    const entry = { key, event: storable<GatheredEvent>(JSON.parse(key)), count: 0, firstAt: 0, lastAt: 0, stays }
    this.#entries.set(key, entry)
    const { address = '' } = event
    this.#ofAddress.set(address, (this.#ofAddress.get(address) ?? 0) + 1)
    return entry
  }

  #hasRoomFor(address = ''): boolean {
    return !this.#isFull() && (this.#ofAddress.get(address) ?? 0) < mostOfAddress
  }

  #isFull(): boolean {
    return this.#entries.size >= mostSorts
  }
}

/** All that it says, each text of it cut to a length that somebody may read. */
function keyOf(event: GatheredEvent): string {
  return JSON.stringify(event, (_name, value) => (typeof value === 'string' ? value.slice(0, longestText) : value))
}
