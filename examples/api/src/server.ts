import { fastifyGuard, fastifyInternal, type InternalAction, type VerifiedToken, type Verifier } from '@rekey/verifier'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Metrics } from './metrics.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set behind the guard. */
    token?: VerifiedToken
    /** Why the request was refused. */
    refusal?: string
  }
}

const message = {
  type: 'object',
  required: ['message'],
  properties: { message: { type: 'string', minLength: 1, maxLength: 200 } },
}

/** The API: a guarded greeting, and what operators need. The verifier is started and closed by whoever made it. */
export function buildServer(verifier: Verifier, logger: FastifyBaseLogger): FastifyInstance {
  const metrics = new Metrics(verifier)
  // Successful requests are counted, not logged line by line.
  const app = Fastify({ loggerInstance: logger, logController: new LogController({ disableRequestLogging: true }) })

  app.addHook('preSerialization', async (request, _reply, payload) => {
    const { code } = (payload ?? {}) as { code?: unknown }
    if (typeof code === 'string') request.refusal = code
    return payload
  })
  app.addHook('onResponse', async (request, reply) => metrics.count(reply.statusCode, request.refusal))

  // There only while INTERNAL_JWKS_REFRESH_TOKEN is set.
  const onAction = ({ method, path, status }: InternalAction) =>
    logger.info({ method, path, status }, 'internal request')
  app.register(fastifyInternal(verifier, { onAction }))
  app.get('/hello', { onRequest: fastifyGuard(verifier) }, async (request) => ({ hello: request.token?.payload.sub }))
  app.post<{ Body: { message: string } }>(
    '/hello',
    { onRequest: fastifyGuard(verifier), schema: { body: message } },
    async (request) => ({ hello: request.token?.payload.sub, said: request.body.message }),
  )
  app.get('/healthz', async () => ({ status: 'alive' }))
  app.get('/readyz', async (_request, reply) => {
    const { held, revision } = verifier.trust
    return reply.code(held ? 200 : 503).send({ status: held ? 'ready' : 'waiting for trust', revision })
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
  app.setNotFoundHandler(async (_request, reply) => {
    return reply.code(404).send({ code: 'not_found', message: 'there is nothing here' })
  })
  return app
}
