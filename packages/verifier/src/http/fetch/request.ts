import type { PresentedRequest } from '../../binding/request.ts'
import type { InternalRequest } from '../internal/endpoints.ts'

/** A request of the Fetch API, as its sender saw it. The certificate is whatever the server knows of it. */
export function presentedRequest(
  request: Request,
  baseUrl: string | undefined,
  certificate: () => Uint8Array | undefined,
): PresentedRequest {
  return {
    method: request.method,
    get url() {
      const { origin, pathname, search } = new URL(request.url)
      return (baseUrl?.replace(/\/$/, '') ?? origin) + pathname + search
    },
    header: (name) => request.headers.get(name) ?? undefined,
    get certificate() {
      return certificate()
    },
  }
}

async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  if (request.body !== null) yield* request.body.values({ preventCancel: true })
}

/** A request to an internal endpoint; `reread` has a body that somebody has read before us. */
export function internalRequest(request: Request, reread: () => unknown = () => undefined): InternalRequest {
  const { pathname, searchParams } = new URL(request.url)
  return {
    method: request.method,
    path: pathname,
    query: searchParams,
    header: (name) => request.headers.get(name) ?? undefined,
    body: () => (request.bodyUsed ? { parsed: reread } : { chunks: () => chunksOf(request) }),
  }
}
