/** How often somebody may try, of each instance: nothing is shared, so that a flood costs no other instance anything. */

import { isIPv6 } from 'node:net'
import { addressOf } from '@rekey/service'
import type { Clock } from '../clock.ts'
import type { Limit, Limits } from '../config/limits.ts'
import { IdpError } from '../error.ts'

/** Who is counted at once. Beyond that those are forgotten who began first. */
const mostCounted = 100_000

/** All count one more, and refuse beyond the limit; `retryAfterSeconds` says when to come again. */
export interface RequestLimits {
  /**
   * An authentication failed. Whoever authenticates well never comes here, from wherever he calls.
   *
   * @param address where it came from
   * @throws IdpError `RATE_LIMITED`
   */
  failed(address: string): void
  /**
   * A client administers.
   *
   * @throws IdpError `RATE_LIMITED`
   */
  administration(clientId: string): void
  /**
   * A public client administers. Anybody may say that he is that client: it counts for the address that he calls from.
   *
   * @throws IdpError `RATE_LIMITED`
   */
  publicAdministration(address: string): void
  /**
   * Somebody who need not say who he is begins a login, of which something is kept.
   *
   * @throws IdpError `RATE_LIMITED`
   */
  login(address: string): void
  /**
   * The same for a logout. It is counted by itself: whoever may not begin a login any more can still end one.
   *
   * @throws IdpError `RATE_LIMITED`
   */
  logout(address: string): void
}

export function requestLimits(limits: Limits, clock: Clock): RequestLimits {
  const failures = windows(limits.failedAuthentications, clock)
  const calls = windows(limits.administration, clock)
  const publicCalls = windows(limits.administration, clock)
  const logins = windows(limits.logins, clock)
  const logouts = windows(limits.logins, clock)
  return {
    failed: (address) =>
      refuse(failures(sourceOf(addressOf(address))), 'too many authentications from this address failed'),
    administration: (clientId) => refuse(calls(clientId), 'this client made too many requests'),
    publicAdministration: (address) =>
      refuse(publicCalls(sourceOf(addressOf(address))), 'too many requests came from this address'),
    login: (address) => refuse(logins(sourceOf(addressOf(address))), 'too many logins began from this address'),
    logout: (address) => refuse(logouts(sourceOf(addressOf(address))), 'too many logouts began from this address'),
  }
}

function refuse(waitMs: number, why: string): void {
  if (waitMs === 0) return
  const facts = { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  throw new IdpError('RATE_LIMITED', `${why}; come again later`, { facts })
}

/** A fixed window for each key, from its first event on. The function returned counts one more, and says how long to wait. */
function windows({ most, withinMs }: Limit, clock: Clock) {
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

  return (key: string): number => {
    const now = clock()
    const window = current(key, now)
    window.count += 1
    return window.count > most ? window.since + withinMs - now : 0
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
