import { isLocalPath } from '../login/return-to.ts'

/** Encoded slashes, backslashes and dots: a service behind the proxy may read them as others do not. */
const ambiguous = /%(?:2e|2f|5c|25)/i

/** The path of a request that a link may be good for; nothing where services might read it otherwise. */
export function plainPath(url: string): string | undefined {
  const [path = ''] = url.split('?', 1)
  if (!isLocalPath(path) || ambiguous.test(path)) return undefined
  return new URL(path, 'http://here').pathname === path ? path : undefined
}
