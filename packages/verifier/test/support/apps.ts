import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { expressGuard, expressInternal } from '../../src/adapters/express.ts'
import { fastifyGuard, fastifyInternal } from '../../src/adapters/fastify.ts'
import { fetchGuard, fetchInternal } from '../../src/adapters/fetch.ts'
import { honoGuard, honoInternal, type TokenVariables } from '../../src/adapters/hono.ts'
import { nodeGuard, nodeInternal } from '../../src/adapters/node.ts'
import type { Authenticator } from '../../src/http/guard.ts'
import type { Controlled, InternalOptions } from '../../src/http/internal/endpoints.ts'
import type { GuardOptions } from '../../src/http/options.ts'
import type { VerifiedToken } from '../../src/index.ts'

/** What an application is made of: a guarded `/hello`, and the internal endpoints where they are given. */
export interface Parts {
  readonly verifier: Authenticator
  readonly guard?: GuardOptions
  readonly control?: Controlled
  readonly internal?: InternalOptions
  /** Makes it an https server. */
  readonly tls?: ServerOptions
}

/** Serves an application until the test is over; resolves to its origin. */
export type Serve = (test: TestContext, parts: Parts) => Promise<string>

const NOBODY: Controlled = {
  refresh: () => Promise.reject(new Error('nobody refreshes')),
  deny: () => Promise.reject(new Error('nobody denies')),
  allow: () => Promise.reject(new Error('nobody allows')),
  denied: () => [],
}

/** Without a secret the endpoints are mounted and absent. */
function internalParts({ control = NOBODY, internal = { env: {} } }: Parts): [Controlled, InternalOptions] {
  return [control, internal]
}

async function listen(test: TestContext, server: Server, close: () => void = () => undefined): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(async () => {
    close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const scheme = 'setSecureContext' in server ? 'https' : 'http'
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const serverFor = (listener: RequestListener, tls?: ServerOptions): Server =>
  tls === undefined ? createServer(listener) : createTlsServer(tls, listener)

const fastify: Serve = async (test, parts) => {
  // biome-ignore lint/suspicious/noExplicitAny: the types of an https instance are others
  const app = Fastify({ forceCloseConnections: true, ...(parts.tls && { https: parts.tls as any }) })
  app.register(fastifyInternal(...internalParts(parts)))
  app.get('/hello', { onRequest: fastifyGuard(parts.verifier, parts.guard) }, async (request) => {
    const { token } = request as typeof request & { token: VerifiedToken }
    return { hello: token.payload.sub }
  })
  app.post('/echo', async (request) => request.body)
  test.after(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const expressWith =
  (parsing: boolean): Serve =>
  async (test, parts) => {
    const app = express()
    if (parsing) app.use(express.json({ limit: '4mb' }))
    const internal = expressInternal(...internalParts(parts))
    app.use(internal)
    app.get('/hello', expressGuard(parts.verifier, parts.guard), (request, response) => {
      response.json({ hello: (request as typeof request & { token: VerifiedToken }).token.payload.sub })
    })
    return listen(test, serverFor(app, parts.tls), internal.close)
  }

const hono: Serve = async (test, parts) => {
  const app = new Hono<{ Variables: TokenVariables }>()
  const internal = honoInternal(...internalParts(parts))
  app.use(internal)
  app.get('/hello', honoGuard(parts.verifier, parts.guard), (c) => c.json({ hello: c.get('token').payload.sub }))
  return listen(test, serverFor(getRequestListener(app.fetch), parts.tls), internal.close)
}

const fetchHandler: Serve = async (test, parts) => {
  const guard = fetchGuard(parts.verifier, parts.guard)
  const internal = fetchInternal(...internalParts(parts))
  async function handle(request: Request): Promise<Response> {
    const answer = await internal(request)
    if (answer !== undefined) return answer
    if (new URL(request.url).pathname !== '/hello') return new Response('not found', { status: 404 })
    const { token, refusal, headers } = await guard(request)
    return refusal ?? Response.json({ hello: token.payload.sub }, { headers })
  }
  return listen(test, serverFor(getRequestListener(handle), parts.tls), internal.close)
}

const node: Serve = async (test, parts) => {
  const internal = nodeInternal(...internalParts(parts))
  const hello = nodeGuard(
    parts.verifier,
    (request, response) => response.end(JSON.stringify({ hello: request.token.payload.sub })),
    parts.guard,
  )
  const server = serverFor(async (request, response) => {
    if (await internal(request, response)) return
    if (request.url?.split('?')[0] === '/hello') return hello(request, response)
    response.writeHead(404).end('not found')
  }, parts.tls)
  return listen(test, server, internal.close)
}

/** Every adapter, in a real application on a real port. */
export const APPS: Readonly<Record<string, Serve>> = {
  fastify,
  express: expressWith(false),
  'express behind express.json': expressWith(true),
  hono,
  fetch: fetchHandler,
  node,
}
