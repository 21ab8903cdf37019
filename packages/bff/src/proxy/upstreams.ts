/** Connections to the services behind the proxy. */
import { ServiceError } from '@rekey/service'
import { type Dispatcher, errors, Pool } from 'undici'
import type { Route } from '../config/files/route.ts'
import type { ProxySettings } from '../config/proxy.ts'
import { BffError } from '../error.ts'

/** Of each service, for requests that end, and for streams, which hold a connection each. */
const mostConnections = { brief: 128, streaming: 2_048 }

/** So many requests may wait for a connection to a service; more are turned away, so that a slow one fills no memory. */
const mostWaiting = 256

const connectTimeoutMs = 5_000

export interface UpstreamRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | AsyncIterable<Buffer> | null
  /** Ends the request when nobody waits for its reply any more. */
  signal: AbortSignal
}

/** The services behind the proxy, with the connections to them. */
export interface Upstreams {
  /** @throws BffError `UPSTREAM_UNAVAILABLE`, `UPSTREAM_TIMEOUT`, `UPSTREAM_REFUSED`; ServiceError `OVERLOADED` */
  send(route: Route, request: UpstreamRequest): Promise<Dispatcher.ResponseData>
  close(): Promise<void>
}

export function openUpstreams(routes: readonly Route[], { timeoutMs }: Pick<ProxySettings, 'timeoutMs'>): Upstreams {
  const pools = new Map(routes.map((route) => [keyOf(route), poolFor(route, timeoutMs)]))
  return {
    send: async (route, request) => {
      const pool = pools.get(keyOf(route))
      if (pool === undefined) throw new BffError('UPSTREAM_REFUSED', 'this service is not to be called from here')
      if (pool.stats.queued >= mostWaiting)
        throw new ServiceError('OVERLOADED', 'too many requests wait for this service')
      return withKnownStatus(await send(pool, request))
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

const keyOf = ({ targetService, streaming }: Route) => `${targetService.origin} ${streaming}`

function poolFor({ targetService, streaming }: Route, timeoutMs: number): Pool {
  return new Pool(targetService.origin, {
    connections: streaming ? mostConnections.streaming : mostConnections.brief,
    // RFC 9112 §9.3.2 would have what is pipelined behind a lost request sent again.
    pipelining: 1,
    headersTimeout: streaming ? 0 : timeoutMs,
    bodyTimeout: streaming ? 0 : timeoutMs,
    connect: { timeout: connectTimeoutMs },
  })
}

/** Sent again once where that changes nothing: a service may close an idle connection at the moment that it is used. */
async function send(pool: Pool, request: UpstreamRequest): Promise<Dispatcher.ResponseData> {
  try {
    return await pool.request(request as Dispatcher.RequestOptions)
  } catch (error) {
    if (!isLostConnection(error) || !isRepeatable(request)) throw translated(error)
  }
  return pool.request(request as Dispatcher.RequestOptions).catch((error) => {
    throw translated(error)
  })
}

/** The whole of a body. @throws BffError `UPSTREAM_UNAVAILABLE`, `UPSTREAM_TIMEOUT` where it breaks off */
export function wholeOf(body: Dispatcher.ResponseData['body']): Promise<Uint8Array> {
  return body.bytes().catch((error) => {
    throw translated(error)
  })
}

/** RFC 9110 §15: of which no browser could make anything. */
function withKnownStatus(response: Dispatcher.ResponseData): Dispatcher.ResponseData {
  if (response.statusCode <= 599) return response
  // What it says besides is not read: that its connection ends is meant so.
  response.body.on('error', () => undefined).destroy()
  throw unavailable('UPSTREAM_UNAVAILABLE', 'the service behind this answers what is no HTTP', { code: 'status' })
}

/** May be sent again without changing anything. */
export function isRepeatable({ method, body, signal }: UpstreamRequest): boolean {
  return /^(GET|HEAD|OPTIONS)$/.test(method) && body === null && !signal.aborted
}

const isLostConnection = (error: unknown) =>
  error instanceof errors.SocketError || (error as { code?: string }).code === 'ECONNRESET'

const isTimeout = (error: unknown) =>
  error instanceof errors.HeadersTimeoutError ||
  error instanceof errors.BodyTimeoutError ||
  error instanceof errors.ConnectTimeoutError

function translated(error: unknown): unknown {
  if (error instanceof ServiceError || (error as Error).name === 'AbortError') return error
  if (isTimeout(error)) {
    return unavailable('UPSTREAM_TIMEOUT', 'the service behind this does not answer in time', error)
  }
  if (error instanceof errors.InvalidArgumentError) return error
  return unavailable('UPSTREAM_UNAVAILABLE', 'the service behind this cannot be reached', error)
}

function unavailable(code: 'UPSTREAM_TIMEOUT' | 'UPSTREAM_UNAVAILABLE', message: string, cause: unknown): BffError {
  return new BffError(code, message, { cause, facts: { retryAfterSeconds: 1 } })
}
