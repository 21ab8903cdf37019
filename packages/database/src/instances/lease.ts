import type { Clock } from '../clock.ts'

/** How long others count on an instance after its last renewal, by the clock of the database. */
export const instanceLeaseMs = 5_000

/** By how much that clock may run away from everybody's monotonic clock within a lease without being noticed. */
export const clockToleranceMs = 500

/** How long an instance itself acts on its view after it *sent* that renewal: it is over first by any of the clocks. */
export const heldMs = instanceLeaseMs - clockToleranceMs

/** Two clocks, because each can be wrong in a way that the other is not. */
export interface Clocks {
  wall: Clock
  /** Stands still while the machine is suspended; the wall clock does not. */
  monotonic: Clock
}

/** A reading of both clocks. A lease runs from the reading taken before the renewal that earned it was sent. */
export interface Moment {
  wall: number
  monotonic: number
}

export function momentOf(clocks: Clocks): Moment {
  return { wall: clocks.wall(), monotonic: clocks.monotonic() }
}

/**
 * What is left of a lease, in milliseconds: 0 when either clock says that it is over, or when the wall clock was set back
 * behind its start.
 */
export function leaseLeftMs(earnedFrom: Moment | undefined, leaseMs: number, clocks: Clocks): number {
  if (!earnedFrom) return 0
  const wallAge = clocks.wall() - earnedFrom.wall
  const monotonicAge = clocks.monotonic() - earnedFrom.monotonic
  return wallAge < 0 ? 0 : Math.max(0, leaseMs - Math.max(wallAge, monotonicAge))
}
