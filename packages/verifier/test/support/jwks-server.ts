import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Mailbox } from './mailbox.ts'

/** A JWKS endpoint whose answer is up to the test. */
export class JwksServer {
  requests = 0
  /** What came in, for tests that wait for it. */
  readonly arrived = new Mailbox<IncomingMessage>()
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.writeHead(500).end()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests++
      this.arrived.put(request)
      this.answer(response, request)
    })
  }

  static async listen(): Promise<JwksServer> {
    const server = new JwksServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`
  }

  serve(set: unknown, headers: Record<string, string> = {}): void {
    const text = JSON.stringify(set)
    this.answer = (response) => response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
  }

  /** From now on answers wait until the test lets each of them go. */
  holdAnswers(): Mailbox<ServerResponse> {
    const held = new Mailbox<ServerResponse>()
    this.answer = (response) => held.put(response)
    return held
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
