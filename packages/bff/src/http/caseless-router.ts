import { maxParamLength } from '@rekey/service'
import findMyWay, { type HTTPMethod } from 'find-my-way'

/** What a path leads to, and the parameters in it, in their own letters. */
export interface Found<Store> {
  readonly store: Store
  readonly params: Readonly<Record<string, string | undefined>>
}

export interface CaselessRouter<Store> {
  on(method: HTTPMethod, path: string, store: Store): void
  /** @param path without its query */
  find(method: string, path: string): Found<Store> | undefined
}

/** U+0130, the one letter that is longer in lower case: find-my-way then cuts parameters out of the wrong places. */
const dottedI = /%C4%B0/gi
/** U+FFFE, which is no letter and stands in no text. */
const standIn = '%EF%BF%BE'

/** The router of Fastify, so that both read a path in the same way, but it makes no difference between small and capital letters. */
export function caselessRouter<Store>(options: { ignoreTrailingSlash?: boolean } = {}): CaselessRouter<Store> {
  const router = findMyWay({ ...options, caseSensitive: false, maxParamLength })
  return {
    on(method, path, store) {
      router.on(method, path, () => undefined, store)
    },
    find(method, path) {
      const found = router.find(method as HTTPMethod, path.replace(dottedI, standIn))
      if (!found) return undefined
      const params = Object.entries(found.params).map(([name, value]) => [name, value?.replaceAll('\uFFFE', '\u0130')])
      return { store: found.store as Store, params: Object.fromEntries(params) }
    },
  }
}
