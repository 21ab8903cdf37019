import { clockToleranceMs, instanceLeaseMs, type Moment } from './lease.ts'
import type { InstanceRow } from './row.ts'

/** Longer than any lease, and short enough that no clock runs away from another by itself. */
const rememberedMs = 60_000
/** Readings of one such span are remembered as one. */
const togetherMs = 1_000

/**
 * What time it is by the clock of the database, without asking it, and whether it can be believed when it says that a lease is
 * over.
 *
 * Leases of others are judged by that clock, and it is a wall clock: one step ahead, and every lease seems to be over while
 * its holder, who goes by a monotonic clock too, still acts on it. So each reading is held against our own monotonic clock.
 * After a step nobody is given up until every lease that was running then has ended by any clock.
 */
export class Steadiness {
  /** What the database's clock was ahead of our monotonic one: between these two, because an answer takes time. */
  #readings: { least: number; most: number; atMs: number }[] = []
  #steppedMs = Number.NEGATIVE_INFINITY
  /** What the database's clock is ahead of our monotonic one, as exact as the readings say. */
  #aheadMs = 0
  #told = Number.NEGATIVE_INFINITY
  /** Leases, seen before, that end later than this clock could have granted them. */
  #impossible: ReadonlySet<string> = new Set()

  /**
   * Takes in a reading of the database's clock. It is held against all those of the last minute, because small steps that
   * are made one after the other come to a large one.
   *
   * @param now what it read, in milliseconds
   * @param sent the moment before it was asked for
   * @param received the moment after the answer had come
   */
  read(now: number, sent: Moment, received: Moment): void {
    const reading = { least: now - received.monotonic, most: now - sent.monotonic, atMs: received.monotonic }
    const last = this.#readings.at(-1)
    const lately = this.#readings.filter(({ atMs }) => atMs > reading.atMs - rememberedMs)
    const known = lately.length === 0 && last ? [last] : lately
    const least = known.reduce((most, { least }) => Math.max(most, least), reading.least)
    const most = known.reduce((least, { most }) => Math.min(least, most), reading.most)
    // The quickest answer of the last minute says it best, within what this one allows.
    this.#aheadMs = Math.max(reading.least, most)
    if (least - most > clockToleranceMs) {
      this.#steppedMs = reading.atMs
      this.#told = Number.NEGATIVE_INFINITY
      this.#readings = [reading]
    } else if (last && reading.atMs - last.atMs < togetherMs) {
      last.least = Math.max(last.least, reading.least)
      last.most = Math.min(last.most, reading.most)
    } else {
      this.#readings = [...known, reading]
    }
  }

  /**
   * The time of the database, right to what its quickest answer lately took. Never behind what was told before, unless that
   * clock itself was set back.
   *
   * @param monotonic our monotonic clock
   */
  now(monotonic: number): number {
    this.#told = Math.max(this.#told, monotonic + this.#aheadMs)
    return this.#told
  }

  /**
   * Takes in the leases that were read at `now`. One that ends later than it can have been granted shows that the clock was
   * set back, perhaps after it was set ahead and all between two readings.
   */
  readLeases(rows: readonly InstanceRow[], now: number, received: Moment): void {
    const impossible = rows.filter((row) => !isPossible(row, now)).map(({ id, leaseUntil }) => `${id} ${leaseUntil}`)
    if (impossible.some((lease) => !this.#impossible.has(lease))) this.#steppedMs = received.monotonic
    this.#impossible = new Set(impossible)
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
  return rows.filter((row) => row.leaseUntil > now && isPossible(row, now))
}

/** After a step back that is too small to be noticed, a lease that was renewed just before it is still one. */
function isPossible({ leaseUntil }: InstanceRow, now: number): boolean {
  return leaseUntil <= now + instanceLeaseMs + clockToleranceMs
}
