/**
 * Paths that the router tells apart and many services do not: by the case of letters, a slash at the end, or by what is encoded
 * twice. None of them may lead to a service by a route that guards it less, or otherwise, than the route that it is alike to.
 */
import { shapeOf } from '../../config/files/path.ts'
import type { Route } from '../../config/files/route.ts'
import { BffError } from '../../error.ts'
import { caselessRouter } from '../../http/caseless-router.ts'

/** More often nobody decodes a path; `requirePlainTarget` has refused the others. */
const mostDecodings = 4

/**
 * @param routes all of them
 * @returns throws BffError `INVALID_REQUEST` for a path that came to a route and is alike to one that guards otherwise
 */
export function requireAsGuarded(routes: readonly Route[]): (route: Route, method: string, path: string) => void {
  if (new Set(routes.map(guardOf)).size <= 1) return () => undefined
  const router = caselessRouter<readonly Route[]>()
  for (const [place, sharing] of Map.groupBy(routes, placeOf)) router.on('GET', place, sharing)
  const at = (reading: string) => router.find('GET', reading)?.store ?? []
  return (route, method, path) => {
    for (const reading of readingsOf(path)) {
      if (isAlike(at(reading), route, method) && isAlike(withoutSlash(reading, at), route, method)) continue
      throw new BffError('INVALID_REQUEST', 'the path may be read in more than one way')
    }
  }
}

/** @param there the routes of one place */
function isAlike(there: readonly Route[], route: Route, method: string): boolean {
  if (there.length === 0 || there.includes(route)) return true
  const others = there.filter(({ methods }) => methods.includes(method))
  return others.length > 0 && others.every((other) => guardOf(other) === guardOf(route))
}

/** The place of that very path. What else leads there is of no matter: everything below a path ends with no slash less. */
function withoutSlash(reading: string, at: (reading: string) => readonly Route[]): readonly Route[] {
  const there = reading.endsWith('/') ? at(reading.slice(0, -1)) : []
  return there.filter(({ path }) => !path.endsWith('*'))
}

/** Where two differ in this, taking the one for the other matters. */
function guardOf({ auth, scopes, authz, authzMap, internal }: Route): string {
  return JSON.stringify([auth, scopes.toSorted(), authz, [...(authzMap ?? [])], internal])
}

/** As the router knows it: with names of parameters that are no matter. */
function placeOf({ path }: Route): string {
  let count = 0
  return shapeOf(path.toLowerCase()).replace(/:/g, () => `:p${count++}`)
}

/** As it stands, and as it reads where it is decoded more than once: the router decodes once. */
function* readingsOf(path: string): Iterable<string> {
  let reading = path
  for (let n = 0; n <= mostDecodings; n++) {
    yield reading
    const next = reading.replace(/%25/g, '%')
    if (next === reading) return
    reading = next
  }
}
