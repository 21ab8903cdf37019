import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'
import type { Route } from '../config/files/route.ts'
import { bodyOf } from './body.ts'
import { callerOf } from './caller.ts'
import { requestHeaders } from './headers/request.ts'
import { responseHeaders } from './headers/response.ts'
import { upstreamPathOf } from './paths/upstream.ts'
import type { UpstreamRequest, Upstreams } from './upstreams.ts'

export interface Forwarding {
  upstreams: Upstreams
  /** Where browsers reach this BFF. */
  publicHost: string
  maxBodyBytes: number
}

/** The handler of a route: sends the request on, and its reply back. */
export function forward(route: Route, { upstreams, publicHost, maxBodyBytes }: Forwarding) {
  const pathOf = upstreamPathOf(route)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const target = request.raw.url ?? '/'
    const [path = '/'] = target.split('?', 1)
    const signal = goneSignal(reply.raw)
    const sent: UpstreamRequest = {
      method: request.method,
      path: pathOf(path) + queryOf(target),
      headers: requestHeaders(request, publicHost, callerOf(request, route)),
      body: bodyOf(request, maxBodyBytes),
      signal,
    }
    try {
      return await answer(route, reply, await upstreams.send(route, sent))
    } catch (error) {
      // Nobody is there to be told.
      if (signal.aborted) return reply.hijack()
      throw error
    }
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

async function answer(route: Route, reply: FastifyReply, { statusCode, headers, body }: Dispatcher.ResponseData) {
  // A page of a service has its own policy, or none.
  reply.removeHeader('content-security-policy')
  reply.code(statusCode).headers(responseHeaders(headers, route))
  if (reply.request.method === 'HEAD' || statusCode === 204 || statusCode === 304) {
    await body.dump()
    return reply.send()
  }
  // A browser that listens to events learns that it is connected before there is any. Not for others: Node writes headers that
  // are flushed as UTF-8, and what is not ASCII in them would be another text.
  if (route.streaming) reply.raw.once('pipe', () => reply.raw.flushHeaders())
  return reply.send(body)
}
