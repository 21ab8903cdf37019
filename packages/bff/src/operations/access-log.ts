import type { App } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { correlationOf } from './correlation.ts'

/**
 * A line for each request, at `debug`: of what it was, and never of what was in it. These fields and no others: queries hold codes
 * and tokens, headers credentials and cookies.
 *
 * @param clock monotonic
 */
export function accessLog(app: App, log: Logger, clock: Clock): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (log.isLevelEnabled('debug')) {
      const since = clock()
      // Also where the browser went away before the reply was whole.
      reply.raw.once('close', () => log.debug(lineOf(request, reply, clock() - since), 'request'))
    }
    done()
  })
}

function lineOf(request: FastifyRequest, reply: FastifyReply, ms: number): object {
  const { method, url, session } = request
  const [path] = url.split('?', 1)
  return {
    method,
    path,
    // Fastify's own idea of it is 200 while a reply that was hijacked says something else.
    status: reply.raw.statusCode,
    complete: reply.raw.writableFinished,
    ms: Math.round(ms * 10) / 10,
    correlationId: correlationOf(request),
    session: session?.id,
  }
}
