import type { Readable } from 'node:stream'
import type { PresentedRequest } from '../../binding/request.ts'
import type { BodySource } from '../internal/body.ts'
import type { InternalRequest } from '../internal/endpoints.ts'

/** What a TLS socket has, and no other. */
interface TlsSocket {
  readonly encrypted?: boolean
  getPeerX509Certificate?(): { readonly raw: Uint8Array } | undefined
}

/** The part of a `node:http`, `node:https` or `node:http2` request that is read; Express and Connect add `originalUrl`. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly socket: object
}

/**
 * Every field of that name: `headers` keeps only the first `Authorization` of several. Where somebody made the request
 * by hand (functions in a cloud), `headers` is all there is.
 */
function field({ headers, rawHeaders }: NodeRequest, name: string): string | undefined {
  const wanted = name.toLowerCase()
  const values: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === wanted) values.push(String(rawHeaders[at + 1]))
  }
  if (values.length > 0) return values.join(', ')
  const known = headers[wanted]
  return typeof known === 'string' ? known : known?.join(', ')
}

/** The path and query that were asked for; RFC 9112 §3.2.2 lets a client send the whole URL. */
function targetOf({ originalUrl, url = '/' }: NodeRequest): string {
  const target = originalUrl ?? url
  if (target.startsWith('/') || !URL.canParse(target)) return target
  const { pathname, search } = new URL(target)
  return pathname + search
}

/** RFC 9110 §7.2: a host and perhaps a port, and nothing that could go on as a path. */
const HOST = /^(?:[\w.~-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

function originOf(request: NodeRequest): string {
  const { encrypted }: TlsSocket = request.socket
  const host = field(request, 'host') ?? field(request, ':authority') ?? ''
  // A path in it would make another URL of this one. Without a host there is no URL, and a proof is good for none.
  if (!HOST.test(host)) return 'invalid:'
  return `${encrypted === true ? 'https' : 'http'}://${host}`
}

/** The certificate that the client presented in the handshake, in DER. */
export function certificateOf(socket: TlsSocket): Uint8Array | undefined {
  return socket.getPeerX509Certificate?.()?.raw
}

/** A request of Node's, as its sender saw it; what costs something is worked out only when it is asked for. */
export function presentedRequest(request: NodeRequest, baseUrl?: string): PresentedRequest {
  return {
    method: request.method ?? 'GET',
    get url() {
      return (baseUrl?.replace(/\/$/, '') ?? originOf(request)) + targetOf(request)
    },
    header: (name) => field(request, name),
    get certificate() {
      return certificateOf(request.socket)
    },
  }
}

/** A request with its body; `body` is what a parser of the framework made of it. */
export type RequestStream = NodeRequest & Readable & { readonly body?: unknown }

/**
 * Not the iterator that `for await` takes by itself: that one resets an HTTP/2 stream, answer and all, when reading
 * stops early.
 */
async function* chunksOf(request: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } finally {
    // What is not read is thrown away: the sender of a large body is still sending, and nobody else would take it.
    request.resume()
  }
}

function bodyOf(request: RequestStream): BodySource {
  return request.readableEnded ? { parsed: () => request.body } : { chunks: () => chunksOf(request) }
}

/** A request to an internal endpoint; where a framework mounted the endpoints under a prefix, `url` lacks it. */
export function internalRequest(request: RequestStream): InternalRequest {
  const [path = '/', ...query] = (request.url ?? '/').split('?')
  return {
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(query.join('?')),
    header: (name) => field(request, name),
    body: () => bodyOf(request),
  }
}
