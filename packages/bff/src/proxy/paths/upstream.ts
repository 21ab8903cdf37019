/** Where the paths of a route lead. */
import type { Route } from '../../config/files/route.ts'
import { BffError } from '../../error.ts'

/** Ends a path below which everything is meant. */
const wildcard = /\/\*\*?$/

/** Stands for a segment of the request's path. */
const parameter = /^(?::(\w+)|\{(\w+)\})$/

/**
 * From the path of a request to that of the service. Parts of a request's path are kept as they are encoded.
 *
 * A path that is preserved follows the path of the service's URL. Otherwise, what a wildcard matched follows `upstream_path`, and
 * an exact path is replaced by it; `:name` or `{name}` in it stands for the segment of that name. Without `upstream_path`, what a wildcard
 * matched follows the path of the service's URL directly, and an exact path is kept.
 *
 * @throws BffError `CONFIG_INVALID` saying what is wrong with `upstream_path`
 */
export function upstreamPathOf(route: Route): (path: string) => string {
  const base = route.targetService.pathname.replace(/\/$/, '')
  const isWild = wildcard.test(route.path)
  if (route.preservePath || (route.upstreamPath === undefined && !isWild)) return (path) => base + path
  const { length: depth } = route.path.split('/')
  const rest = (segments: readonly string[]) => (isWild ? `/${segments.slice(depth - 1).join('/')}` : '')
  const prefix = prefixOf(route, isWild)
  return (path) => {
    const segments = path.split('/')
    return base + prefix(segments) + rest(segments)
  }
}

/** `upstream_path` without its wildcard, filled with segments of the request's path. */
function prefixOf(route: Route, isWild: boolean): (segments: readonly string[]) => string {
  const { path, upstreamPath = '' } = route
  const parts = (isWild ? upstreamPath.replace(wildcard, '').replace(/\/$/, '') : upstreamPath).split('/')
  if (parts[0] !== '' || parts.includes('*') || parts.includes('**')) {
    fail('expected a path that begins with a slash, with a wildcard at its end only where the path has one')
  }
  if (/[?#;\\]|\/\/|\/\.\.?(\/|$)/.test(upstreamPath)) fail('expected a plain path: no query, no empty part, no dots')
  const names = path.split('/')
  const places = parts.map((part) => {
    const [, colon, braces] = parameter.exec(part) ?? []
    return colon === undefined && braces === undefined ? undefined : names.indexOf(`:${colon ?? braces}`)
  })
  if (places.includes(-1)) fail('it names a part that the path does not have')
  return (segments) => parts.map((part, index) => segmentOf(segments, places[index]) ?? part).join('/')
}

const segmentOf = (segments: readonly string[], place: number | undefined) =>
  place === undefined ? undefined : segments[place]

function fail(rule: string): never {
  throw new BffError('CONFIG_INVALID', rule)
}
