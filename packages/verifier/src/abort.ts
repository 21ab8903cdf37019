/** Something under way that ends by itself or with what it belongs to. */
export interface Attempt {
  readonly signal: AbortSignal
  abort(): void
  /** To be called once it is over: until then it is held by what it belongs to. */
  over(): void
}

/**
 * An attempt that is aborted when `parent` is. `AbortSignal.any` would do, but on Node 20 and 22 what it makes can be collected
 * as garbage while it is waited for, and the abort is lost with it.
 */
export function attemptWithin(parent: AbortSignal): Attempt {
  const own = new AbortController()
  const abort = () => own.abort()
  if (parent.aborted) abort()
  else parent.addEventListener('abort', abort, { once: true })
  return { signal: own.signal, abort, over: () => parent.removeEventListener('abort', abort) }
}
