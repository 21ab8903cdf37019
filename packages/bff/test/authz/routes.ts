/** A BFF of which nothing is there but routes that the policy decides about. */
import type { TestContext } from 'node:test'
import { every } from '@rekey/service'
import Fastify from 'fastify'
import { pino } from 'pino'
import { asksForBody } from '../../src/authz/mappings.ts'
import { openAuthz } from '../../src/authz/open.ts'
import { requireDecision } from '../../src/authz/require.ts'
import type { BearerToken } from '../../src/bearer/verdict.ts'
import { readDocument } from '../../src/config/files/document.ts'
import { Mistakes } from '../../src/config/files/mistakes.ts'
import { pdpOf } from '../../src/config/files/pdp.ts'
import { routesOf } from '../../src/config/files/routes.ts'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { newMetrics } from '../../src/operations/metrics.ts'
import type { LiveSession } from '../../src/sessions/session.ts'

const reach = { allowPlaintext: false }

export const session: LiveSession = {
  id: 's-1',
  sub: 'u-1',
  claims: { iss: 'https://idp.example.com', sub: 'u-1', roles: ['b', 'a'], email: 'u@example.com' },
  accessToken: 'of the session',
  expiresAt: 0,
}

export const bearer: BearerToken = {
  sub: 'u-2',
  claims: { iss: 'https://idp.example.com', sub: 'u-2', client_id: 'c-1' },
  scopes: new Set(['orders']),
  roles: ['admin'],
  permissions: ['write'],
  token: 'of the bearer',
  idp: 'corporate',
}

/** @param texts as pdp.yaml and routes.yaml have them; whoever calls is `who` */
export async function decidedRoutes(
  t: TestContext,
  texts: { pdp: string; routes: string },
  {
    clock = Date.now,
    who = { session, bearer },
  }: { clock?: () => number; who?: { session?: LiveSession; bearer?: BearerToken } } = {},
) {
  const mistakes = new Mistakes()
  const pdp = pdpOf(documentOf('pdp.yaml', texts.pdp, mistakes), reach, mistakes)
  const routes = routesOf(documentOf('routes.yaml', texts.routes, mistakes), reach, mistakes)
  mistakes.assertNone()
  if (!pdp) throw new Error('there is no decision point')
  const metrics = newMetrics()
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const authz = openAuthz(pdp, { fetch, clock, random: () => 0, every, log, metrics })
  t.after(() => authz.close())
  const app = Fastify({ loggerInstance: log, bodyLimit: 10_000_000 })
  t.after(() => app.close())
  app.setErrorHandler((error, _request, reply) => sendRefusal(reply, refusalOf(error), 'c-1'))
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)
  app.removeContentTypeParser('application/json')
  app.addHook('onRequest', async (request) => {
    Object.assign(request, who)
  })
  let reached = 0
  for (const route of routes) {
    if (!route) continue
    app.route({
      method: [...route.methods],
      url: route.path,
      exposeHeadRoute: false,
      preHandler: requireDecision({ authz, metrics }, route),
      handler: async () => {
        reached += 1
        return {}
      },
    })
  }
  const call = async (
    method: 'GET' | 'HEAD' | 'POST' | 'DELETE',
    url: string,
    body?: unknown,
    type = 'application/json',
  ) => {
    const payload =
      body === undefined
        ? {}
        : { payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }
    const headers = body === undefined ? {} : { 'content-type': type }
    const response = await app.inject({ method, url, headers, ...payload })
    const code = response.body === '' ? undefined : (response.json() as { code?: string }).code
    return { status: response.statusCode, code, retryAfter: response.headers['retry-after'] }
  }
  const count = async (labels: Record<string, string>, name = 'bff_authz_requests_total') => {
    const { values } = (await metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] }
    const isMeant = (one: Record<string, unknown>) => Object.entries(labels).every(([key, value]) => one[key] === value)
    return values.filter((one) => isMeant(one.labels)).reduce((sum, { value }) => sum + value, 0)
  }
  const needsBody = routes.map((route) => route && asksForBody(route, pdp.endpoints))
  return { call, count, lines, needsBody, reached: () => reached, who }
}

function documentOf(file: string, text: string, mistakes: Mistakes) {
  const document = readDocument(file, text, {}, mistakes)
  mistakes.assertNone()
  if (!document) throw new Error('there is no document')
  return document
}
