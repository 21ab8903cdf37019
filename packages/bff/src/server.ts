import formbody from '@fastify/formbody'
import { type App, includesEverybody, maxBodyBytes, newApp } from '@rekey/service'
import { administrationRoutes } from './administration/routes.ts'
import { asksForBody } from './authz/mappings.ts'
import { requireDecision } from './authz/require.ts'
import { requireBearer } from './bearer/require.ts'
import type { Bff } from './bff.ts'
import { corsRules } from './cors/rules.ts'
import { requireCsrf } from './csrf/require.ts'
import { refusalOf, sendRefusal } from './http/errors.ts'
import { requireLink } from './links/require.ts'
import { authRoutes } from './login/routes.ts'
import { operationRoutes } from './operations/routes.ts'
import { jwksRoutes } from './provider/jwks/routes.ts'
import { proxyRoutes } from './proxy/routes.ts'
import { requireSession } from './sessions/require.ts'
import { securityHeaders } from './web/headers.ts'
import { webRoutes } from './web/routes.ts'

/** Builds the HTTP server of an instance. It does not listen yet. */
export async function buildServer(bff: Bff): Promise<App> {
  const { config, log, metrics } = bff
  const { trustedProxies, files } = config
  if (includesEverybody(trustedProxies)) log.warn('REKEY_TRUSTED_PROXIES believes everybody about where he calls from')
  const refused = (_request: unknown, { code }: { code: string }) => metrics.refusals.inc({ code })
  const { requestTimeoutMs } = config.proxy
  const app = newApp({ log, trustedProxies, requestTimeoutMs, refusalOf, refused, send: sendRefusal })
  operationRoutes(app, bff)
  securityHeaders(app, bff)
  await corsRules(app, bff)
  await app.register(formbody, { bodyLimit: maxBodyBytes })
  jwksRoutes(app, bff)
  authRoutes(app, bff)
  administrationRoutes(app, bff)
  proxyRoutes(app, bff, files.routes, {
    session: requireSession(bff),
    csrf: requireCsrf(bff),
    remains: ({ session }) => bff.sessions.remains(session),
    bearer: (route) => requireBearer(bff, route),
    link: requireLink(bff),
    decision: (route) => requireDecision(bff, route),
    another: ({ session }) => bff.sessions.another(session),
    asksForBody: (route) => asksForBody(route, files.pdp?.endpoints ?? []),
  })
  await webRoutes(app, bff)
  return app
}
