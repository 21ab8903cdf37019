/**
 * Stands between somebody and an HTTP server, and tells of every request as it goes there and as its reply comes back, so
 * that a fault can be had at exactly that moment: what a request was for is done by then, or nobody has heard of it yet.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'

export interface Passing {
  method: string
  path: string
  // biome-ignore lint/suspicious/noExplicitAny: what is looked for in it is looked for member by member
  body: any
}

/** What happens at a request; what it returns is waited for before the request, or its reply, goes on. */
export interface Watcher {
  asked?(passing: Passing, tap: Tap): unknown
  answered?(passing: Passing, status: number, tap: Tap): unknown
}

export class Tap {
  readonly watchers = new Set<Watcher>()
  readonly #server: Server
  readonly #target: string

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer((from, to) => this.#pass(from, to).catch((error) => broken(to, error)))
  }

  static async to(url: string): Promise<Tap> {
    const tap = new Tap(url)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    return tap
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  close(): void {
    this.#server.close().closeAllConnections()
  }

  async #pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const sent = await bytesOf(from)
    const passing = { method: from.method ?? '', path: from.url ?? '', body: jsonIn(from, sent) }
    const there = request(this.#target + from.url, { method: from.method, headers: headersOf(from), agent: false })
    const replied = once(there, 'response')
    // It may break off before anybody waits for it.
    replied.catch(() => undefined)
    there.end(sent)
    for (const watcher of this.watchers) await watcher.asked?.(passing, this)
    const [reply] = (await replied) as [IncomingMessage]
    const bytes = await bytesOf(reply)
    for (const watcher of this.watchers) await watcher.answered?.(passing, reply.statusCode ?? 0, this)
    to.writeHead(reply.statusCode ?? 502, { 'content-type': reply.headers['content-type'] ?? '' }).end(bytes)
  }
}

/** Where one party is gone, the other sees the connection break off. */
function broken(to: ServerResponse, error: NodeJS.ErrnoException): void {
  to.destroy()
  if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code ?? '')) throw error
}

function headersOf({ headers }: IncomingMessage) {
  const { host: _host, connection: _connection, ...rest } = headers
  return rest
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function jsonIn({ headers }: IncomingMessage, bytes: Buffer): unknown {
  return /json/.test(headers['content-type'] ?? '') && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined
}
