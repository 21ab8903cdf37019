/** Bodies on their way up: not parsed, not kept, and not longer than is allowed. */
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { BffError } from '../error.ts'
import { hasBody } from './headers/ambiguous.ts'

/** Bodies that were read whole because a decision hangs on them. */
const readBodies = new WeakMap<IncomingMessage, Buffer>()

export function keepBody({ raw }: FastifyRequest, body: Buffer): void {
  readBodies.set(raw, body)
}

/** The body for the service, or nothing. @throws BffError `PAYLOAD_TOO_LARGE`, also while it is read */
export function bodyOf({ raw }: FastifyRequest, maxBytes: number): Buffer | AsyncIterable<Buffer> | null {
  if (!hasBody(raw.headers)) return null
  if (Number(raw.headers['content-length'] ?? 0) > maxBytes) refuse(maxBytes)
  return readBodies.get(raw) ?? limited(raw, maxBytes)
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
