import { Readable } from 'node:stream'
import { type Authenticator, requestGuard } from '../http/guard.ts'
import { type Controlled, type InternalOptions, internalEndpoints } from '../http/internal/endpoints.ts'
import { internalRequest, type NodeRequest, presentedRequest, type RequestStream } from '../http/node/request.ts'
import type { GuardOptions } from '../http/options.ts'
import type { VerifiedToken } from '../jwt/verify.ts'

/** The part of a Fastify request that is touched. `token` is set when the request goes on to its handler. */
export interface GuardedRequest {
  readonly raw: NodeRequest
  token?: VerifiedToken
}

/** The part of a Fastify reply that is touched. */
export interface GuardedReply {
  code(status: number): GuardedReply
  headers(values: Record<string, string>): GuardedReply
  send(body: unknown): unknown
}

/**
 * A Fastify `onRequest` or `preHandler` hook: sets `request.token`, or answers by itself: 401 (the token is at fault), 403
 * (it does not suffice) or 503 (trust is unavailable).
 */
export function fastifyGuard(verifier: Authenticator, options: GuardOptions = {}) {
  const admit = requestGuard(verifier, options)
  return async (request: GuardedRequest, reply: GuardedReply): Promise<unknown> => {
    const presented = presentedRequest(request.raw, options.baseUrl)
    const { token, refusal, headers } = await admit(presented)
    if (token === undefined) {
      const { status, body } = refusal
      reply
        .code(status)
        .headers({ ...refusal.headers })
        .send(body)
      return reply
    }
    reply.headers({ ...headers })
    request.token = token
    return undefined
  }
}

/** The part of a Fastify instance that is touched. */
export interface FastifyHost {
  all(path: string, options: { onRequest: InternalHook }, handler: () => Promise<void>): unknown
  addHook(name: 'onClose', hook: () => Promise<void>): unknown
}

type InternalHook = (request: { readonly raw: RequestStream }, reply: GuardedReply) => Promise<unknown>

/**
 * The internal endpoints as a Fastify plugin: `app.register(fastifyInternal(verifier))`. Without a secret it adds no
 * route. They answer before any body is parsed, so that the parsers of the application do not matter.
 */
export function fastifyInternal(control: Controlled, options: InternalOptions = {}) {
  const endpoints = internalEndpoints(control, options)
  return async (app: FastifyHost): Promise<void> => {
    app.addHook('onClose', async () => endpoints.close())
    for (const path of endpoints.paths) {
      const onRequest: InternalHook = async ({ raw }, reply) => {
        const { status, headers, text } = await endpoints.answer({ ...internalRequest(raw), path })
        reply.code(status).headers({ ...headers })
        reply.send(typeof text === 'string' ? text : Readable.from(text))
        return reply
      }
      app.all(path, { onRequest }, async () => undefined)
    }
  }
}
