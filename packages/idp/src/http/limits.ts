/** How often somebody may try, of each instance: nothing is shared, so that a flood costs no other instance anything. */
import { addressOf, sourceOf, windows } from '@rekey/service'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import { IdpError } from '../error.ts'

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
      refuse(failures.count(sourceOf(addressOf(address))), 'too many authentications from this address failed'),
    administration: (clientId) => refuse(calls.count(clientId), 'this client made too many requests'),
    publicAdministration: (address) =>
      refuse(publicCalls.count(sourceOf(addressOf(address))), 'too many requests came from this address'),
    login: (address) => refuse(logins.count(sourceOf(addressOf(address))), 'too many logins began from this address'),
    logout: (address) =>
      refuse(logouts.count(sourceOf(addressOf(address))), 'too many logouts began from this address'),
  }
}

function refuse(waitMs: number, why: string): void {
  if (waitMs === 0) return
  const facts = { retryAfterSeconds: Math.ceil(waitMs / 1_000) }
  throw new IdpError('RATE_LIMITED', `${why}; come again later`, { facts })
}
