import { Agent, type IncomingMessage, request } from 'node:http'

/** What came back. */
export interface Reply {
  readonly status: number
  readonly body: string
  /** Set-Cookie lines. */
  readonly cookies: readonly string[]
}

const TIMEOUT_MS = 5_000

/** Requests over kept connections, without retries: whatever a client would see counts. */
export class Connections {
  readonly #agent = new Agent({ keepAlive: true })

  send(method: 'GET' | 'POST', url: URL, headers: Record<string, string>, body?: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.#agent, timeout: TIMEOUT_MS }, (response) => {
        const { statusCode: status = 0, headers } = response
        textOf(response).then((body) => resolve({ status, body, cookies: headers['set-cookie'] ?? [] }), reject)
      })
      sent.once('timeout', () => sent.destroy(new Error('no answer')))
      sent.once('error', reject)
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}
