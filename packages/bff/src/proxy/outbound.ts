/** Nothing that is not configured is ever called from here. */
import { BffError } from '../error.ts'

/**
 * A `fetch` that goes to these origins only, and follows no redirect: where a redirect leads is the other side's choice. What is
 * refused is told by its origin alone, since URLs may carry secrets.
 */
export function outboundFetch(fetch: typeof globalThis.fetch, origins: ReadonlySet<string>): typeof globalThis.fetch {
  return async (input, init) => {
    const { origin } = new URL(input instanceof Request ? input.url : input)
    if (!origins.has(origin)) throw new BffError('UPSTREAM_REFUSED', `${origin} is not to be called from here`)
    return fetch(input, { ...init, redirect: 'manual' })
  }
}
