/** What a browser itself says about who sends a request, before any token is looked at. */
import type { IncomingHttpHeaders } from 'node:http'

/**
 * Does the browser say that the page of somebody else sends this? Whoever says nothing is no browser, or an old one: the token
 * decides then.
 *
 * @param allowed origins as browsers write them
 */
export function isForeign(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin } = headers
  const site = headers['sec-fetch-site']
  // A form of our own page has the origin `null` where a referrer policy hides it; a sandboxed page is never `same-origin`.
  if (origin === undefined || (origin === 'null' && site === 'same-origin')) {
    return site !== undefined && site !== 'same-origin' && site !== 'none'
  }
  return !allowed.includes(origin)
}
