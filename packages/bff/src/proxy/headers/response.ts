/** What a browser gets to see of the headers of a service's reply. */
import type { Route } from '../../config/files/route.ts'
import { cachingOf, isTargeted, varyOf } from './caching.ts'
import { hopByHop } from './hop-by-hop.ts'

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>

/** What this BFF decides for its whole origin, and what only tells what runs behind it. */
const neverPassed: ReadonlySet<string> = new Set([
  'alt-svc',
  'clear-site-data',
  'server',
  'service-worker-allowed',
  'set-cookie',
  'strict-transport-security',
  'x-correlation-id',
  'x-powered-by',
])

/** What stands in the reply before the service answers. */
export interface OwnHeaders {
  readonly vary: unknown
  readonly setsCookie: boolean
}

/** @param route a session's or a link's reply is kept from shared caches unless the service says that it is for everybody */
export function responseHeaders(headers: UpstreamHeaders, route: Pick<Route, 'auth' | 'streaming'>, own: OwnHeaders) {
  const isHopByHop = hopByHop(headers)
  const isOfBrowser = route.auth === 'session' || route.auth === 'link'
  const kept = Object.entries(headers).filter(([name]) => {
    if (isHopByHop(name) || neverPassed.has(name) || name.startsWith('access-control-')) return false
    // A browser would ask the user for a password that nobody here knows.
    return !(isOfBrowser && (name === 'www-authenticate' || isTargeted(name)))
  })
  const result: Record<string, string | string[]> = Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']))
  const cookies = [headers['set-cookie'] ?? []].flat().filter((cookie) => !isOurs(cookie))
  if (cookies.length > 0) result['set-cookie'] = cookies
  if (isOfBrowser) result['cache-control'] = cachingOf(headers['cache-control'], own.setsCookie)
  if (headers.vary !== undefined) result.vary = varyOf(own.vary, headers.vary)
  if (route.streaming) result['x-accel-buffering'] = 'no'
  return result
}

/** `__Host-bff_…`, `bff_…`. A cookie without a name is sent back as its value alone, which may look like one with a name. */
function isOurs(cookie: string): boolean {
  const [pair = ''] = cookie.split(';', 1)
  const [name = ''] = pair.split('=', 1)
  return name.trim() === '' || /^\s*(__(host|secure)-)?bff_/i.test(name) || !pair.includes('=')
}
