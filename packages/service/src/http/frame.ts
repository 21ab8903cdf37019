/** What the HTTP of a service stands in: limits, schemas, and what becomes of everything that is refused. */
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { ServiceError } from '../error.ts'
import type { App } from './app.ts'
import { correlationId } from './correlation.ts'
import { methodTable } from './methods.ts'
import { trustProxy } from './proxies.ts'
import { type Refusal, sendRefusal } from './refusal.ts'

/** Larger bodies are refused; for parsers that a service adds as well. */
export const maxBodyBytes = 262_144

/** For so long the headers of a request may take to arrive, and all of it unless a service says otherwise. */
const arrivesWithinMs = 30_000

const lookEveryMs = 5_000

/**
 * find-my-way takes a part of a path for no parameter where it is longer than 100, and goes on to a route that is less exact. More
 * than this fits into no request: Node refuses headers of more than 16 KiB.
 */
export const maxParamLength = 65_536

/** How a service tells what it refuses. */
export interface Refusing {
  log: Logger
  /** What an error is to the caller. */
  refusalOf(error: unknown): Refusal
  /** Is told of each: it may count it, and note it for the audit. */
  refused(request: FastifyRequest, refusal: Refusal): void
  /** Writes it; by default as JSON. */
  send?(reply: FastifyReply, refusal: Refusal, correlationId: string): FastifyReply
}

/** What differs between services in how they are spoken to. */
export interface Frame extends Refusing {
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  /** For so long a request may take to arrive with its body: one that trickles in must not hold a connection for ever. */
  requestTimeoutMs?: number
  /** The path of a request as the routes know it. */
  canonicalUrl?(url: string): string
}

/** A Fastify application without routes. What it refuses is logged and answered; it does not listen yet. */
export function newApp(frame: Frame): App {
  const { trustedProxies, canonicalUrl = (url) => url, requestTimeoutMs = arrivesWithinMs, ...how } = frame
  const refuse = refusing(how)
  const app: App = fastify({
    // Fastify would make a child logger for each request. What is logged is logged below: a line a refusal, none for what went
    // well, which is counted.
    logger: false,
    genReqId: () => '',
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      // Whoever sends a large body slowly has sent his headers long ago.
      headersTimeout: Math.min(requestTimeoutMs, arrivesWithinMs),
      // So often Node looks for requests that are late; only each 30 s by itself.
      connectionsCheckingInterval: Math.min(requestTimeoutMs, lookEveryMs),
    },
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true, maxParamLength },
    trustProxy: trustProxy(trustedProxies),
    frameworkErrors: refuse,
    rewriteUrl: (request) => canonicalUrl(request.url ?? '/'),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler)
  app.removeContentTypeParser('text/plain')
  const methodsOf = methodTable(app)
  app.setErrorHandler(refuse)
  app.setNotFoundHandler((request, reply) => refuse(nothingFor(request, reply, methodsOf), request, reply))
  return app
}

/** Answers an error, has it counted, and logs it: with its stack where nobody foresaw it. */
function refusing({ log, refusalOf, refused, send = sendRefusal }: Refusing) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = refusalOf(error)
    const { status, code, cause } = refusal
    refused(request, refusal)
    const id = correlationId(request.headers['x-correlation-id'])
    // Redaction knows which names of a query are secret only where they are the usual ones.
    const [path] = request.url.split('?', 1)
    const line = { correlationId: id, method: request.method, path, status, code, cause }
    if (status === 500) log.error({ ...line, err: error }, 'request failed')
    else log[status > 500 ? 'warn' : 'info'](line, 'request refused')
    return send(reply.header('x-correlation-id', id), refusal, id)
  }
}

function nothingFor(request: FastifyRequest, reply: FastifyReply, methodsOf: (url: string) => string[]): ServiceError {
  const allowed = methodsOf(request.url).join(', ')
  if (allowed === '') return new ServiceError('NOT_FOUND', 'there is nothing here')
  reply.header('allow', allowed)
  return new ServiceError('METHOD_NOT_ALLOWED', `this answers ${allowed}`)
}
