import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A JWKS endpoint whose answer is up to the test. */
export class JwksServer {
  requests = 0
  answer: (response: ServerResponse) => void = (response) => response.writeHead(500).end()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((_, response) => {
      this.requests++
      this.answer(response)
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

  serve(set: unknown): void {
    this.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(set))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
