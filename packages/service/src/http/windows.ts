/** How often somebody may try, of each instance: nothing is shared, so that a flood costs no other instance anything. */
import { isIPv6 } from 'node:net'

/** Who is counted at once. Beyond that those are forgotten who began first. */
const mostCounted = 100_000

/** At most so many in a window. */
export interface Limit {
  most: number
  withinMs: number
}

/** A fixed window for each key, from its first event on. */
export interface Windows {
  /** Counts one more. @returns how long to wait, in milliseconds; 0 within the limit */
  count(key: string): number
  /** The same for one that has not come yet, and without counting it. */
  waitMs(key: string): number
}

/** Begins with nobody counted. @param clock milliseconds since the epoch */
export function windows({ most, withinMs }: Limit, clock: () => number): Windows {
  // In the order in which the windows began, so that those that are over stand in front.
  const counted = new Map<string, { count: number; since: number }>()

  // A clock that was set back must not make anybody's window longer.
  const isOpen = ({ since }: { since: number }, now: number) => since <= now && now - since < withinMs

  function current(key: string, now: number) {
    for (const [other, window] of counted) {
      if (isOpen(window, now) && counted.size < mostCounted) break
      counted.delete(other)
    }
    const found = counted.get(key)
    if (found && isOpen(found, now)) return found
    counted.delete(key)
    const begun = { count: 0, since: now }
    counted.set(key, begun)
    return begun
  }

  return {
    count(key) {
      const now = clock()
      const window = current(key, now)
      window.count += 1
      return window.count > most ? window.since + withinMs - now : 0
    },
    waitMs(key) {
      const now = clock()
      const window = counted.get(key)
      return window && isOpen(window, now) && window.count >= most ? window.since + withinMs - now : 0
    },
  }
}

/** Whoever has one IPv6 address has a whole /64 of them. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  const [head = ''] = address.split('::', 1)
  return [...head.split(':'), '0', '0', '0', '0'].slice(0, 4).join(':')
}
