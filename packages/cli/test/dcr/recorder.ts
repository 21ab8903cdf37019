/** Stands between a client and the IdP, and writes down what goes over the wire. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request and its reply. */
export interface Exchange {
  /** Method and path, as `PATCH /api/oidc/register/bff-server`. */
  line: string
  status: number
  /** What it authenticated by, without the scheme. */
  bearer: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
  sent: any
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  got: any
}

/** What is done instead of handing a request on: a status to answer by, or nothing after something has happened first. */
type Meddling = (request: { line: string }) => Promise<{ status: number; body: object } | 'lose the reply' | undefined>

export type Recorder = Awaited<ReturnType<typeof recorder>>

/** @param to where it hands requests on to */
export async function recorder(to: () => string) {
  let exchanges: Exchange[] = []
  let meddling: Meddling = async () => undefined
  const server = createServer((request, response) => {
    relay(request, response).catch(() => response.destroy())
  }).listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`
    const body = Buffer.concat(await request.toArray())
    const meddled = await meddling({ line })
    const reply =
      typeof meddled === 'object'
        ? {
            status: meddled.status,
            headers: { 'content-type': 'application/json' },
            text: JSON.stringify(meddled.body),
          }
        : await handOn(request, body)
    const bearer = request.headers.authorization?.replace(/^\w+ /, '')
    exchanges.push({ line, status: reply.status, bearer, sent: parsed(body.toString()), got: parsed(reply.text) })
    if (meddled === 'lose the reply') response.destroy()
    else response.writeHead(reply.status, reply.headers).end(reply.text)
  }

  async function handOn({ method = '', url = '', headers }: IncomingMessage, body: Buffer) {
    const { host: _host, connection: _connection, 'content-length': _length, ...kept } = headers
    const init = { method, headers: kept as Record<string, string>, ...(body.length > 0 && { body }) }
    const reply = await fetch(to() + url, init)
    const { etag, 'content-type': type } = Object.fromEntries(reply.headers)
    return {
      status: reply.status,
      headers: { ...(type && { 'content-type': type }), ...(etag && { etag }) },
      text: await reply.text(),
    }
  }

  return {
    url: `http://localhost:${port}`,
    /** What went by since this was asked last. */
    taken(): Exchange[] {
      const taken = exchanges
      exchanges = []
      return taken
    },
    /** Until it is said otherwise. */
    meddle(by: Meddling = async () => undefined): void {
      meddling = by
    },
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A form, or nothing at all.
    return text
  }
}
