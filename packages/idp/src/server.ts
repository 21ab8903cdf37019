import { randomUUID } from 'node:crypto'
import formbody from '@fastify/formbody'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { agentRoutes } from './agents/routes.ts'
import { IdpError } from './error.ts'
import type { App } from './http/app.ts'
import { refusalOf, sendRefusal } from './http/errors.ts'
import { methodTable } from './http/methods.ts'
import type { Instance } from './instance.ts'
import { keyringRoutes } from './keyrings/routes.ts'
import { operationRoutes } from './metrics/routes.ts'
import { publicRoutes } from './signing/routes.ts'
import { tokenRoutes } from './tokens/routes.ts'
import { partyRoutes } from './trust/administration.ts'
import { trustRoutes } from './trust/routes.ts'

const maxBodyBytes = 262_144

/** Builds the HTTP server of an instance. It does not listen yet. */
export async function buildServer(instance: Instance, log: Logger): Promise<App> {
  const app: App = fastify({
    // Fastify would make a child logger for each request. What is logged is logged below: a line a refusal, none for the
    // tokens issued, which are counted.
    logger: false,
    bodyLimit: maxBodyBytes,
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true },
    genReqId: (request) => correlationId(request.headers['x-correlation-id']),
    rewriteUrl: (request) => canonicalUrl(request.url ?? '/'),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler)
  await app.register(formbody, { bodyLimit: maxBodyBytes })
  const methodsOf = methodTable(app)
  answerErrors(app, instance, log, methodsOf)
  for (const routes of [
    operationRoutes,
    publicRoutes,
    tokenRoutes,
    trustRoutes,
    partyRoutes,
    agentRoutes,
    keyringRoutes,
  ]) {
    routes(app, instance)
  }
  return app
}

function answerErrors(app: App, { metrics }: Instance, log: Logger, methodsOf: (url: string) => string[]): void {
  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = refusalOf(error)
    metrics.refusals.inc({ code: refusal.code })
    metrics.duration.observe(
      { route: request.routeOptions.url ?? 'none', status: refusal.status },
      reply.elapsedTime / 1_000,
    )
    const line = {
      correlationId: request.id,
      method: request.method,
      url: request.url,
      status: refusal.status,
      code: refusal.code,
    }
    if (refusal.status >= 500) log.error({ ...line, err: error }, 'request failed')
    else log.info(line, 'request refused')
    reply.header('x-correlation-id', request.id)
    return sendRefusal(request, reply, refusal)
  }

  app.setErrorHandler(refuse)
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(request.url)
    if (allowed.length === 0) return refuse(new IdpError('NOT_FOUND', 'there is nothing here'), request, reply)
    reply.header('allow', allowed.join(', '))
    return refuse(new IdpError('METHOD_NOT_ALLOWED', `this answers ${allowed.join(', ')}`), request, reply)
  })
}

/** A caller's correlation id is passed on when it is one, so that a request can be followed through several services. */
function correlationId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

/** Paths below /api/v1 also answer without /api. */
function canonicalUrl(url: string): string {
  return url.startsWith('/v1/') ? `/api${url}` : url
}
