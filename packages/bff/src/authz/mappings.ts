/** Which question belongs to a request. */
import type { Endpoint } from '../config/files/pdp.ts'
import type { Route } from '../config/files/route.ts'
import { type AuthzTarget, knownMethods, targetsOf } from '../config/files/targets.ts'
import { caselessRouter } from '../http/caseless-router.ts'

/** What to ask about a request, and the parameters of its path. */
export interface Mapping {
  readonly targets: readonly AuthzTarget[]
  readonly params: Readonly<Record<string, string | undefined>>
}

/** The endpoints of pdp.yaml. */
export interface Mappings {
  /** @param path without its query */
  find(method: string, path: string): Mapping | undefined
}

/**
 * The slash at the end and the case of letters make no difference: to many services they make none, and what says less about a
 * request must not be taken for what says more.
 */
export function mappingsOf(endpoints: readonly Endpoint[]): Mappings {
  const router = caselessRouter<readonly AuthzTarget[]>({ ignoreTrailingSlash: true })
  for (const { path, methods } of endpoints) {
    for (const method of knownMethods) {
      const targets = targetsOf(methods, method)
      if (targets) router.on(method, path, targets)
    }
  }
  return {
    find(method, path) {
      const found = router.find(method, path)
      return found && { targets: found.store, params: found.params }
    },
  }
}

/** Methods of a route about which nobody could be asked, whatever the request: all of them would be refused. */
export function unmappedMethods(
  route: Pick<Route, 'path' | 'methods' | 'authzMap'>,
  endpoints: readonly Endpoint[],
): string[] {
  const { authzMap, path } = route
  if (authzMap) return route.methods.filter((method) => !targetsOf(authzMap, method))
  if (path.endsWith('/*')) {
    const isBelow = (other: string) => other.toLowerCase().startsWith(path.slice(0, -1).toLowerCase())
    const covering = endpoints.filter((one) => isBelow(one.path) || /[:*]/.test(one.path))
    return covering.length > 0 ? [] : [...route.methods]
  }
  const mappings = mappingsOf(endpoints)
  const example = path.replace(/:[^/]+/g, 'example')
  return route.methods.filter((method) => !mappings.find(method, example))
}

/** Whether the body of a request may say what is asked: then it must be read, and at hand before that. */
export function asksForBody({ authz, authzMap }: Route, endpoints: readonly Endpoint[]): boolean {
  if (authz === 'none') return false
  const targets = (authzMap ? [authzMap] : endpoints.map(({ methods }) => methods)).flatMap((map) => [...map.values()])
  const parts = targets.flat().flatMap(({ idFrom, props }) => [idFrom, ...Object.values(props)])
  return parts.some((part) => typeof part === 'object' && part.from === 'body')
}
