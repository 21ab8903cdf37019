/** Bodies on their way up: not parsed, not kept, and not longer than is allowed. */
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { BffError } from '../error.ts'
import { hasBody } from './headers/ambiguous.ts'

/** The body for the service, or nothing: as it came, also where a decision had it read before. @throws BffError `PAYLOAD_TOO_LARGE`, also while it is read */
export function bodyOf({ raw, body }: FastifyRequest, maxBytes: number): Buffer | AsyncIterable<Buffer> | null {
  if (!hasBody(raw.headers)) return null
  if (Number(raw.headers['content-length'] ?? 0) > maxBytes) refuse(maxBytes)
  return Buffer.isBuffer(body) ? body : limited(raw, maxBytes)
}

async function* limited(raw: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    // The browser's connection outlives a service's: it still has to be told why.
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) refuse(maxBytes)
      yield chunk as Buffer
    }
  } finally {
    // Without that, what is left of the body would stand before the connection's next request for ever.
    raw.resume()
  }
}

function refuse(maxBytes: number): never {
  throw new BffError('PAYLOAD_TOO_LARGE', `the body is larger than ${maxBytes} bytes`)
}
