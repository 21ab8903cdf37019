import { Agent, type IncomingMessage, request } from 'node:http'

/** What to send. */
export interface Outgoing {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body?: string
}

/** What came back. */
export interface Incoming {
  status: number
  headers: IncomingMessage['headers']
  body: string
}

const timeoutMs = 5_000
// A server that does not answer must not cost us more descriptors than a shell usually allows.
const socketsPerServer = 256

/**
 * Requests over kept connections, without retries: whatever a client would see counts. A third of the work of fetch, so
 * that the load leaves the machine to those under load.
 */
export class Connections {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: socketsPerServer, scheduling: 'lifo' })

  /** @throws the socket's error, or one with code `timeout` */
  send(outgoing: Outgoing): Promise<Incoming> {
    return new Promise((resolve, reject) => {
      const { method, url, headers, body } = outgoing
      const sent = request(url, { method, headers, agent: this.#agent }, (response) => {
        collect(response).then((text) => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        }, reject)
      })
      // From the start, waiting for a connection included: the whole is what a caller waits for.
      const timer = setTimeout(
        () => sent.destroy(Object.assign(new Error('no answer'), { code: 'timeout' })),
        timeoutMs,
      )
      sent.once('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function collect(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.once('end', () => resolve(text))
    response.once('error', reject)
  })
}
