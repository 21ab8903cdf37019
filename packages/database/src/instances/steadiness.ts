import { clockToleranceMs, instanceLeaseMs, type Moment } from './lease.ts'
import type { InstanceRow } from './row.ts'

/**
 * Whether the clock of the database can be believed when it says that a lease is over.
 *
 * Leases of others are judged by that clock, and it is a wall clock: one step ahead, and every lease seems to be over while
 * its holder, who goes by a monotonic clock too, still acts on it. So each reading is held against our own monotonic clock.
 * After a step nobody is given up until every lease that was running then has ended by any clock.
 */
export class Steadiness {
  #last: { now: number; sentMs: number; receivedMs: number } | undefined
  #steppedMs = Number.NEGATIVE_INFINITY

  /**
   * Takes in a reading of the database's clock.
   *
   * @param now what it read, in milliseconds
   * @param sent the moment before it was asked for
   * @param received the moment after the answer had come
   */
  read(now: number, sent: Moment, received: Moment): void {
    const last = this.#last
    const reading = { now, sentMs: sent.monotonic, receivedMs: received.monotonic }
    this.#last = reading
    if (!last) return
    const passed = now - last.now
    const most = reading.receivedMs - last.sentMs + clockToleranceMs
    const least = reading.sentMs - last.receivedMs - clockToleranceMs
    if (passed > most || passed < least) this.#steppedMs = reading.receivedMs
  }

  /** For how much longer a lease of this length may be running although the database says that it is over. */
  doubtMs(leaseMs: number, at: Moment): number {
    return Math.max(0, leaseMs - (at.monotonic - this.#steppedMs))
  }
}

/**
 * Those among instances that have to be waited for: whose lease is not over, and in doubt all. A lease that ends later than
 * one can be granted is from before the clock was set back; whoever is alive has renewed it since.
 */
export function liveAmong(rows: readonly InstanceRow[], now: number, doubtMs: number): InstanceRow[] {
  if (doubtMs > 0) return rows.map((row) => ({ ...row, leaseUntil: Math.max(row.leaseUntil, now + doubtMs) }))
  return rows.filter(({ leaseUntil }) => leaseUntil > now && leaseUntil <= now + instanceLeaseMs)
}
