import { randomUUID } from 'node:crypto'
import formbody from '@fastify/formbody'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { accountRoutes } from './accounts/routes.ts'
import { agentRoutes } from './agents/routes.ts'
import { noteRefusal } from './audit/refusals.ts'
import { auditRoutes } from './audit/routes.ts'
import { credentialRoutes } from './credentials/routes.ts'
import { deniedRoutes } from './denied/routes.ts'
import { IdpError } from './error.ts'
import type { App } from './http/app.ts'
import { refuseLateWhileFrozen } from './http/authorise.ts'
import { refusalOf, sendRefusal } from './http/errors.ts'
import { methodTable } from './http/methods.ts'
import { includesEverybody, trustProxy } from './http/proxies.ts'
import { remedyRoutes } from './incidents/remedies/routes.ts'
import { incidentRoutes } from './incidents/routes.ts'
import type { Instance } from './instance.ts'
import { issuanceRoutes } from './issuance/routes.ts'
import { keyringRoutes } from './keyrings/routes.ts'
import { interactionRoutes } from './oidc/interaction/routes.ts'
import { openOidc } from './oidc/open.ts'
import { oidcRoutes } from './oidc/routes.ts'
import { documentApi } from './openapi/document.ts'
import { operationRoutes } from './operations/routes.ts'
import { registrationRoutes } from './registration/routes.ts'
import { rootKeyRoutes } from './root-keys/routes.ts'
import { publicRoutes } from './signing/routes.ts'
import { tokenRoutes } from './tokens/routes.ts'
import { partyRoutes } from './trust/administration.ts'
import { trustRoutes } from './trust/routes.ts'

const maxBodyBytes = 262_144

/** For so long a request may take to arrive: one that trickles in must not hold a connection for ever. */
const requestTimeoutMs = 30_000

type Refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** Builds the HTTP server of an instance. It does not listen yet. */
export async function buildServer(instance: Instance, log: Logger): Promise<App> {
  const refuse = refusing(instance, log)
  const { trustedProxies } = instance.config
  if (includesEverybody(trustedProxies)) log.warn('REKEY_TRUSTED_PROXIES believes everybody about where he calls from')
  const app: App = fastify({
    // Fastify would make a child logger for each request. What is logged is logged below: a line a refusal, none for the
    // tokens issued, which are counted.
    logger: false,
    genReqId: () => '',
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true },
    trustProxy: trustProxy(trustedProxies),
    frameworkErrors: refuse,
    rewriteUrl: (request) => canonicalUrl(request.url ?? '/'),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler)
  app.removeContentTypeParser('text/plain')
  await app.register(formbody, { bodyLimit: maxBodyBytes })
  const methodsOf = methodTable(app)
  refuseLateWhileFrozen(app, instance)
  app.setErrorHandler(refuse)
  app.setNotFoundHandler((request, reply) => refuse(nothingFor(request, reply, methodsOf), request, reply))
  await documentApi(app, instance.config.issuer)
  const api = [
    agentRoutes,
    accountRoutes,
    credentialRoutes,
    keyringRoutes,
    rootKeyRoutes,
    issuanceRoutes,
    deniedRoutes,
    incidentRoutes,
    remedyRoutes,
    partyRoutes,
    auditRoutes,
  ]
  for (const routes of [operationRoutes, publicRoutes, trustRoutes, ...api]) routes(app, instance)
  const oidc = openOidc(instance, log)
  for (const routes of [tokenRoutes, oidcRoutes, interactionRoutes]) routes(app, instance, oidc)
  registrationRoutes(app, instance, oidc.validate)
  return app
}

/** Answers an error, counts it, notes it for the audit and logs it: with its stack where nobody foresaw it. */
function refusing({ metrics, gathered }: Instance, log: Logger): Refuse {
  return (error, request, reply) => {
    const refusal = refusalOf(error)
    const { status, code, cause } = refusal
    metrics.refusals.inc({ code })
    noteRefusal(gathered, request, refusal)
    const id = correlationId(request.headers['x-correlation-id'])
    const line = { correlationId: id, method: request.method, url: request.url, status, code, cause }
    if (status === 500) log.error({ ...line, err: error }, 'request failed')
    else log[status > 500 ? 'warn' : 'info'](line, 'request refused')
    return sendRefusal(request.url, reply.header('x-correlation-id', id), refusal, id)
  }
}

function nothingFor(request: FastifyRequest, reply: FastifyReply, methodsOf: (url: string) => string[]): IdpError {
  const allowed = methodsOf(request.url).join(', ')
  if (allowed === '') return new IdpError('NOT_FOUND', 'there is nothing here')
  reply.header('allow', allowed)
  return new IdpError('METHOD_NOT_ALLOWED', `this answers ${allowed}`)
}

/** A caller's correlation id is passed on when it is one, so that a request can be followed through several services. */
function correlationId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

/** Paths below /api/v1 also answer without /api, those of the audit without /api/v1 too, and /api/clients with /v1. */
function canonicalUrl(url: string): string {
  if (/^(\/api)?\/v1\/clients\//.test(url)) return url.replace(/^(\/api)?\/v1/, '/api')
  if (url.startsWith('/v1/')) return `/api${url}`
  return /^\/audit([/?]|$)/.test(url) ? `/api/v1${url}` : url
}
