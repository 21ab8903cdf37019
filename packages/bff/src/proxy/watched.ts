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

  const untold = (error: unknown) => log.debug({ err: error }, 'a stream could not be looked after')

  /** One session of which nothing can be told keeps nobody from looking at the others. */
  async function look(): Promise<void> {
    for (const [request, ending] of streams) {
      const isOver = await remains(request).then((does) => !does, untold)
      if (isOver) ending.abort()
    }
  }

  const close = every(lookEveryMs, look, untold)
  return {
    watch(request) {
      const ending = new AbortController()
      streams.set(request, ending)
      return { ended: ending.signal, stop: () => void streams.delete(request) }
    },
    close,
  }
}
