/** The correlation id of the request that is being answered, for whatever is asked of others meanwhile. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type App, correlationId } from '@rekey/service'
import type { FastifyRequest } from 'fastify'

const current = new AsyncLocalStorage<string>()

/** A caller's id is gone on with, or one is made; the reply tells it. */
export function correlate(app: App): void {
  app.addHook('onRequest', (request, reply, done) => {
    const id = correlationId(request.headers['x-correlation-id'])
    request.headers['x-correlation-id'] = id
    reply.header('x-correlation-id', id)
    current.run(id, done)
  })
  // What a body was read by began before the request did.
  app.addHook('preHandler', (request, _reply, done) => current.run(correlationOf(request), done))
}

export function correlationOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  return correlationId(headers['x-correlation-id'])
}

/** `fetch` that tells others on behalf of which request they are asked. */
export function correlatedFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) => {
    const id = current.getStore()
    if (id === undefined) return fetch(input, init)
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
    headers.set('x-correlation-id', id)
    return fetch(input, { ...init, headers })
  }
}
