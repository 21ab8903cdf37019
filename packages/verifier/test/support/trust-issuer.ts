import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Mailbox } from './mailbox.ts'

/** One open feed, as the issuer sees it. */
export interface OpenFeed {
  readonly lastEventId: string | undefined
  readonly authorization: string | undefined
  /** Sends one trust event. */
  send(message: Record<string, unknown> & { epoch: number; n: number }): void
  /** Sends arbitrary text. */
  write(text: string): void
  end(): void
  readonly closed: Promise<void>
}

export interface LeaseRequest {
  readonly method: string
  readonly authorization: string | undefined
  readonly body: Record<string, unknown> & { epoch: number; n: number }
  reply(status: number, body?: unknown): void
}

function openFeed(request: IncomingMessage, response: ServerResponse): OpenFeed {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  return {
    lastEventId: request.headers['last-event-id'] as string | undefined,
    authorization: request.headers.authorization,
    write: (text) => void response.write(text),
    send(message) {
      const { epoch, n } = message
      response.write(`event: trust\nid: ${epoch}.${n}\ndata: ${JSON.stringify({ leaseSeconds: 15, ...message })}\n\n`)
    },
    end: () => void response.end(),
    closed: new Promise((resolve) => response.once('close', () => resolve())),
  }
}

async function leaseRequest(request: IncomingMessage, response: ServerResponse): Promise<LeaseRequest> {
  let text = ''
  for await (const chunk of request) text += chunk
  return {
    method: request.method ?? '',
    authorization: request.headers.authorization,
    body: JSON.parse(text),
    reply(status, body = {}) {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    },
  }
}

/**
 * A real HTTP server that speaks the trust protocol and leaves each decision to the test. With `answersLeases`, it
 * grants what is asked for the revision that is acknowledged.
 */
export class TrustIssuer {
  readonly feeds = new Mailbox<OpenFeed>()
  readonly leases = new Mailbox<LeaseRequest>()
  readonly goodbyes = new Mailbox<LeaseRequest>()
  readonly #server: Server
  answersLeases = true
  feedStatus = 200

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async listen(): Promise<TrustIssuer> {
    const issuer = new TrustIssuer()
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve))
    return issuer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/trust/feed' && this.feedStatus === 200) return this.feeds.put(openFeed(request, response))
    if (request.url !== '/trust/lease')
      return void response.writeHead(this.feedStatus === 200 ? 404 : this.feedStatus).end()
    const asked = await leaseRequest(request, response)
    if (asked.method === 'DELETE') {
      asked.reply(200)
      return this.goodbyes.put(asked)
    }
    if (this.answersLeases) asked.reply(200, { epoch: asked.body.epoch, n: asked.body.n, leaseSeconds: 15 })
    this.leases.put(asked)
  }
}
