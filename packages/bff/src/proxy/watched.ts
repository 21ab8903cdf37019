/** Streams last as long as their session: it was asked for when they began, and may end long before they do. */
import { every } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

const lookEveryMs = 1_000

/** Streams that are watched. */
export interface Watched {
  /** @returns is aborted when the session has ended; and what ends watching it */
  watch(request: FastifyRequest): { ended: AbortSignal; stop: () => void }
  close(): Promise<void>
}

/**
 * @param remains tells whether a request still has the session that it came with. Where that cannot be told at the moment it
 *   throws: a stream that is cut while the database is away would not be opened anew
 */
export function watchStreams(
  remains: (request: FastifyRequest) => Promise<boolean>,
  log: Pick<Logger, 'debug'>,
): Watched {
  const streams = new Map<FastifyRequest, AbortController>()

  async function look(): Promise<void> {
    for (const [request, ending] of streams) if (!(await remains(request))) ending.abort()
  }

  const close = every(lookEveryMs, look, (error) => log.debug({ err: error }, 'streams could not be looked after'))
  return {
    watch(request) {
      const ending = new AbortController()
      streams.set(request, ending)
      return { ended: ending.signal, stop: () => void streams.delete(request) }
    },
    close,
  }
}
