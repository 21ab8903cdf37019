/** A BFF of which nothing is there but a bearer route. */

import type { TestContext } from 'node:test'
import { every } from '@rekey/service'
import Fastify from 'fastify'
import { pino } from 'pino'
import { type BearerSettings, openBearer } from '../../src/bearer/open.ts'
import { requireBearer } from '../../src/bearer/require.ts'
import type { Idp, IntrospectionCheck } from '../../src/config/files/idp.ts'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { newMetrics } from '../../src/operations/metrics.ts'
import type { TestIssuer } from './issuer.ts'

export const audience = 'urn:example:api'

export function keyIdp(issuer: TestIssuer, other: Partial<Idp> = {}): Idp {
  const check = { by: 'keys', jwksUrl: new URL('/jwks', issuer.url), allowPlaintext: false } as const
  return { ...common(issuer, 'keys'), check, ...other }
}

export function askedIdp(issuer: TestIssuer, how: Partial<IntrospectionCheck> = {}, other: Partial<Idp> = {}): Idp {
  const clientSecret = {
    name: 'client_secret',
    isFile: false,
    current: () => 'pa:ss wörd',
    watch: () => async () => undefined,
  }
  const url = new URL('/introspect', issuer.url)
  const check = {
    by: 'introspection',
    url,
    clientId: 'bff/1',
    clientSecret,
    timeoutMs: 5_000,
    cacheMs: 0,
    ...how,
  } as const
  return { ...common(issuer, 'asked'), check, ...other }
}

function common(issuer: TestIssuer, name: string) {
  return { name, issuer: issuer.url, audiences: [audience], leewayMs: 0, claims: { roles: [], permissions: [] } }
}

export async function bearerRoutes(
  t: TestContext,
  settings: Partial<BearerSettings>,
  { scopes = [], clock = Date.now }: { scopes?: string[]; clock?: () => number } = {},
) {
  const metrics = newMetrics()
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const around = { fetch, clock, random: () => 0, every, log, metrics }
  const bearer = await openBearer({ idps: [], environment: undefined, ...settings }, around)
  t.after(() => bearer.close())
  const app = Fastify()
  t.after(() => app.close())
  app.setErrorHandler((error, _request, reply) => sendRefusal(reply, refusalOf(error), 'c-1'))
  app.get('/api', { onRequest: requireBearer({ bearer, metrics }, { scopes }) }, async ({ bearer: found }) => ({
    ...found,
    scopes: [...found.scopes],
  }))
  const call = async (authorization?: string) => {
    const response = await app.inject({ url: '/api', headers: authorization === undefined ? {} : { authorization } })
    const { statusCode: status, headers } = response
    return { status, challenge: headers['www-authenticate'], body: response.json() as Record<string, unknown>, headers }
  }
  const count = async (name: string, labels: Record<string, string>) => {
    const { values } = (await metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] }
    const isMeant = (one: Record<string, unknown>) => Object.entries(labels).every(([key, value]) => one[key] === value)
    return values.filter((one) => isMeant(one.labels)).reduce((sum, { value }) => sum + value, 0)
  }
  return { app, call, count, lines }
}
