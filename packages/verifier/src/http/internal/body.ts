import type { Clock } from '../../clock.ts'
import { deferred } from '../../deferred.ts'
import { Problem } from './reply.ts'

/** Largest body that is read, in bytes: 10,000 entries of a deny-list have room in it. */
const MAX_BYTES = 1_048_576
/** A sender that is slower than this has gone, or means to keep us busy. */
const TIMEOUT_MS = 10_000

/** Where a body stands: still to be read, or already read and understood by the framework. */
export type BodySource = { chunks(): AsyncIterable<Uint8Array> } | { parsed(): unknown }

/** What is needed of a request in order to read its body. */
export interface RequestWithBody {
  header(name: string): string | undefined
  body(): BodySource
}

const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)\s*(?:;|$)/i

const tooLarge = (): Problem => new Problem(413, 'body_too_large', `a body may have ${MAX_BYTES} bytes at most`)
const notJson = (): Problem => new Problem(400, 'body_invalid', 'the body is not JSON')

function assertReadable(request: RequestWithBody, body: BodySource): void {
  if (!JSON_TYPE.test(request.header('content-type') ?? '')) {
    throw new Problem(415, 'content_type_unsupported', 'the body must be sent as application/json')
  }
  if (Number(request.header('content-length')) > MAX_BYTES) throw tooLarge()
  if ('parsed' in body) return
  if (!/^(?:identity)?$/i.test(request.header('content-encoding') ?? '')) {
    throw new Problem(415, 'content_encoding_unsupported', 'the body must be sent without compression')
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const kept: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > MAX_BYTES) throw tooLarge()
    kept.push(chunk)
  }
  return Buffer.concat(kept)
}

/** @throws {Problem} when the sender is too slow, goes away, or sends too much. */
async function read(chunks: AsyncIterable<Uint8Array>, clock: Clock): Promise<Uint8Array> {
  const late = deferred<never>()
  const cancel = clock.after(TIMEOUT_MS, () =>
    late.reject(new Problem(408, 'body_timeout', 'the body did not arrive in time')),
  )
  try {
    return await Promise.race([collect(chunks), late.promise])
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(400, 'body_incomplete', 'the body did not arrive whole')
  } finally {
    cancel()
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // Not passed on: the message of a SyntaxError repeats what was sent.
    throw notJson()
  }
}

async function parsedBy(framework: { parsed(): unknown }): Promise<unknown> {
  try {
    const body = await framework.parsed()
    // Of a parser that leaves text or bytes.
    if (typeof body === 'string') return parse(Buffer.from(body))
    return body instanceof Uint8Array ? parse(body) : body
  } catch {
    throw notJson()
  }
}

/** The body of a request, from JSON. @throws {Problem} 400, 408, 413 or 415. */
export async function jsonBody(request: RequestWithBody, clock: Clock): Promise<unknown> {
  const body = request.body()
  assertReadable(request, body)
  return 'parsed' in body ? parsedBy(body) : parse(await read(body.chunks(), clock))
}
