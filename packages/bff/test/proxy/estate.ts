/** A proxy with real services behind it. Who calls is known by a header; everything else is as it is in an instance. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TestContext } from 'node:test'
import { type App, newApp } from '@rekey/service'
import { pino } from 'pino'
import type { Route } from '../../src/config/files/route.ts'
import { corsRules } from '../../src/cors/rules.ts'
import { BffError } from '../../src/error.ts'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { correlate } from '../../src/operations/correlation.ts'
import type { Guards } from '../../src/proxy/guards.ts'
import { proxyRoutes } from '../../src/proxy/routes.ts'
import type { LiveSession } from '../../src/sessions/session.ts'
import { securityHeaders } from '../../src/web/headers.ts'

export interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  body: string
}

export interface Upstream {
  url: string
  seen: Seen[]
  close(): Promise<void>
}

/** A service that notes what reaches it, and answers `{}` unless told otherwise. */
export async function startUpstream(t: TestContext, listener?: RequestListener): Promise<Upstream> {
  const seen: Seen[] = []
  const server = createServer(async (incoming, outgoing) => {
    if (listener) return listener(incoming, outgoing)
    seen.push(await read(incoming))
    outgoing.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.after(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close }
}

async function read(incoming: IncomingMessage): Promise<Seen> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const { method = '', url = '', headers, rawHeaders } = incoming
  return { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() }
}

export function routeTo(target: string, given: Partial<Route> & { path: string }): Route {
  return {
    targetService: new URL(target),
    upstreamPath: undefined,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    auth: 'none',
    scopes: [],
    authz: 'none',
    authzMap: undefined,
    streaming: false,
    preservePath: false,
    internal: false,
    ...given,
  }
}

export const ada: LiveSession = {
  id: 'session-1',
  sub: 'ada',
  claims: { iss: 'https://idp.example', sub: 'ada' },
  accessToken: 'access-token-of-ada',
  expiresAt: Number.MAX_SAFE_INTEGER,
}

const notAuthenticated = () => new BffError('NOT_AUTHENTICATED', 'who are you?')

/** `Cookie: bff_session=ada` is a session, whose cookie is replaced unless there is `newest` beside it, `Bearer good` a token, `?token=once` a link. */
export const guards: Guards = {
  session: async (request, reply) => {
    if (!request.headers.cookie?.includes('newest')) reply.header('set-cookie', 'bff_session=ada; HttpOnly')
    if (!request.headers.cookie?.includes('bff_session=ada')) throw notAuthenticated()
    request.session = ada
  },
  remains: async () => true,
  csrf: async (request) => {
    if (!/^(GET|HEAD|OPTIONS)$/.test(request.method) && request.headers['x-csrf-token'] !== 'good') {
      throw new BffError('CSRF_REFUSED', 'no token')
    }
  },
  bearer: () => async (request) => {
    if (request.headers.authorization !== 'Bearer good') throw notAuthenticated()
    request.bearer = { ...nobody, sub: 'grace', token: 'good' }
  },
  link: async (request) => {
    if ((request.query as { token?: string }).token !== 'once') throw notAuthenticated()
    request.link = { id: 'link-1', sub: 'alan', claims: {} }
  },
  decision: () => async () => undefined,
  another: async () => undefined,
  asksForBody: () => false,
}

const nobody = { claims: {}, scopes: new Set<string>(), roles: [], permissions: [], idp: 'corporate' }

export interface Settings {
  routes: readonly Route[]
  guards?: Partial<Guards>
  trustedProxies?: readonly string[]
  origins?: readonly string[]
  maxBodyBytes?: number
  requestTimeoutMs?: number
  timeoutMs?: number
}

/** @returns where it listens, and what it logs */
export async function startProxy(
  t: TestContext,
  settings: Settings,
): Promise<{ url: string; port: number; app: App; lines: unknown[] }> {
  const { routes, trustedProxies = [], origins = [], maxBodyBytes = 10_000_000, timeoutMs = 30_000 } = settings
  const { requestTimeoutMs = 300_000 } = settings
  const lines: unknown[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const app = newApp({
    trustedProxies,
    requestTimeoutMs,
    log,
    refusalOf,
    refused: () => undefined,
    send: sendRefusal,
  })
  const config = {
    publicUrl: 'https://bff.example',
    cors: { origins },
    proxy: { outboundAllow: [], maxBodyBytes, requestTimeoutMs, timeoutMs },
    web: { folder: undefined, hstsMaxAgeMs: 60_000 },
  }
  correlate(app)
  app.decorateRequest('session')
  securityHeaders(app, { config })
  await corsRules(app, { config })
  proxyRoutes(app, { config, log }, routes, { ...guards, ...settings.guards })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, app, lines }
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** One request whose path, method and headers are sent as they are given, which `fetch` does not do. */
export function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Answer> {
  const { port } = new URL(url)
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {} } = options
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, async (incoming) => {
      const { body } = await read(incoming).catch((error) => ({ body: `broken off: ${error.code}` }))
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body })
    })
    outgoing.on('error', reject).end(options.body)
  })
}

/** Bytes as they are, and what comes back until the other side closes. */
export function rawly(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
    let said = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      said += chunk
    })
    socket.on('error', reject).on('close', () => resolve(said))
  })
}

export type { IncomingMessage, ServerResponse }
