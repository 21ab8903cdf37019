import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Dispatcher } from 'undici'
import type { Route } from '../config/files/route.ts'
import { BffError } from '../error.ts'
import { bodyOf } from './body.ts'
import { callerOf } from './caller.ts'
import type { Guards } from './guards.ts'
import { requestHeaders } from './headers/request.ts'
import { responseHeaders } from './headers/response.ts'
import type { InFlight } from './in-flight.ts'
import { upstreamPathOf } from './paths/upstream.ts'
import { refusesToken } from './refused-token.ts'
import { isRepeatable, type UpstreamRequest, type Upstreams, wholeOf } from './upstreams.ts'
import type { Watched } from './watched.ts'

const smallBytes = 16_384

export interface Forwarding {
  upstreams: Upstreams
  /** Where browsers reach this BFF. */
  publicHost: string
  maxBodyBytes: number
  inFlight: InFlight
  watched: Pick<Watched, 'watch'>
  /** For so long a browser may take nothing of a reply that is there. */
  timeoutMs: number
  log: Pick<Logger, 'warn'>
  another: Guards['another']
}

/** The handler of a route: sends the request on, and its reply back. */
export function forward(route: Route, forwarding: Forwarding) {
  const { upstreams, publicHost, maxBodyBytes, inFlight, watched, timeoutMs, log } = forwarding
  const pathOf = upstreamPathOf(route)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const target = request.raw.url ?? '/'
    const [path = '/'] = target.split('?', 1)
    const gone = goneSignal(reply.raw)
    const watch = route.streaming && route.auth === 'session' ? watched.watch(request) : undefined
    if (watch) reply.raw.once('close', watch.stop)
    const signal = watch ? AbortSignal.any([gone, watch.ended]) : gone
    // A stream would never be over: its browser comes back by itself, to another instance.
    if (!route.streaming) inFlight.add(reply.raw)
    const sent: UpstreamRequest = {
      method: request.method,
      path: pathOf(path) + queryOf(target),
      headers: requestHeaders(request, publicHost, callerOf(request, route)),
      body: bodyOf(request, maxBodyBytes),
      signal,
    }
    try {
      const response = await againByAnother(route, request, sent, await upstreams.send(route, sent), forwarding)
      requireTaken(reply.raw, timeoutMs)
      return await answer(route, reply, response, (error) => {
        if (!signal.aborted) log.warn(failure(route, request, error), 'a service broke its reply off')
      })
    } catch (error) {
      // Nobody is there to be told.
      if (gone.aborted) return reply.hijack()
      if (watch?.ended.aborted) throw new BffError('NOT_AUTHENTICATED', 'the session is over')
      if (error instanceof BffError && error.cause !== undefined)
        log.warn(failure(route, request, error.cause), 'a service failed')
      throw error
    }
  }
}

/**
 * A key that is revoked takes access tokens with it that are good for an hour by what they say. Whoever bears a session need not
 * notice: it gets another token, and what changes nothing is asked again. Anything else the browser has to ask again itself.
 */
async function againByAnother(
  route: Route,
  request: FastifyRequest,
  sent: UpstreamRequest,
  response: Dispatcher.ResponseData,
  { upstreams, publicHost, log, another }: Forwarding,
): Promise<Dispatcher.ResponseData> {
  if (route.auth !== 'session' || !refusesToken(response)) return response
  // A browser that goes away meanwhile breaks it off, and nobody else listens yet.
  response.body.on('error', () => undefined)
  const session = await another(request).catch((error) => {
    log.warn(failure(route, request, error), 'a service refused an access token, and there is no other one')
  })
  if (session === undefined || !isRepeatable(sent)) return response
  await response.body.dump()
  request.session = session
  return upstreams.send(route, { ...sent, headers: requestHeaders(request, publicHost, callerOf(request, route)) })
}

/** For the log: which service, and why. The caller is told neither. */
function failure({ path, targetService }: Route, { headers }: FastifyRequest, error: unknown) {
  const { code, name } = error as { code?: string; name?: string }
  return {
    path,
    service: targetService.origin,
    correlationId: headers['x-correlation-id'],
    cause: { code: code ?? name },
  }
}

/** As it came, its question mark included. */
function queryOf(target: string): string {
  const begin = target.indexOf('?')
  return begin < 0 ? '' : target.slice(begin)
}

/** Ends what is done for a browser that goes away before it has the whole reply. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return gone.signal
}

/**
 * A reply that a browser does not take holds a connection to the service, of which there are few: some browsers that read nothing would
 * keep it from all others. Nothing is said where nothing waits to be taken: streams may be silent.
 */
function requireTaken(response: ServerResponse, withinMs: number): void {
  response.setTimeout(withinMs, () => {
    if (response.writableLength > 0) response.destroy()
  })
}

async function answer(
  route: Route,
  reply: FastifyReply,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  brokeOff: (error: unknown) => void,
) {
  const isEmpty = reply.request.method === 'HEAD' || statusCode === 204 || statusCode === 304
  const whole = !isEmpty && isSmall(route, headers) ? await wholeOf(body) : undefined
  // A page of a service has its own policy, or none.
  reply.removeHeader('content-security-policy')
  const own = { vary: reply.getHeader('vary'), setsCookie: reply.hasHeader('set-cookie') }
  reply.code(statusCode).headers(responseHeaders(headers, route, own))
  if (whole !== undefined) return reply.send(whole)
  if (isEmpty) {
    await body.dump()
    return reply.send()
  }
  body.once('error', brokeOff)
  // A browser that listens to events learns that it is connected before there is any. Not for others: Node writes headers that
  // are flushed as UTF-8, and what is not ASCII in them would be another text.
  if (route.streaming) reply.raw.once('pipe', () => reply.raw.flushHeaders())
  return reply.send(body)
}

/**
 * A small reply is read first and sent at once, which costs less than a stream of one piece. Not where
 * there is no type: Fastify would give it one.
 */
function isSmall(
  { streaming }: Route,
  { 'content-length': length, 'content-type': type }: IncomingHttpHeaders,
): boolean {
  return !streaming && type !== undefined && length !== undefined && Number(length) <= smallBytes
}
