/**
 * A reverse proxy as it stands before replicas: takes them by turns, and the next one where nobody listens. What may be repeated
 * (RFC 9110 §9.2.2) and was cut off before its reply began is sent to another one too, and marked.
 */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'

/** Says in a reply that the request was cut off at one replica: `answered` by another one, `lost` otherwise. */
export const cutHeader = 'x-test-cut'

/** So often all replicas are tried: one may be killed after the other. */
const turns = 3

interface Passage {
  readonly incoming: IncomingMessage
  readonly body: Buffer
  readonly outgoing: ServerResponse
  /** Was it cut off at another replica? */
  readonly wasCut: boolean
}

export class Balancer {
  /** Where they listen; empty as long as nobody is there. */
  targets: readonly string[] = []
  /** Told of each request that passes. */
  passed: (incoming: Pick<IncomingMessage, 'method' | 'url'>, body: string) => void = () => undefined
  readonly #agent = new Agent({ keepAlive: true })
  readonly #server = createServer((incoming, outgoing) => {
    this.#answer(incoming, outgoing).catch((error) => outgoing.destroy(error))
  })
  #turn = 0

  static async start(t: TestContext): Promise<Balancer> {
    const balancer = new Balancer()
    balancer.#server.listen(0, 'localhost')
    await once(balancer.#server, 'listening')
    atEnd(t, () => balancer.#stop())
    return balancer
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    this.passed(incoming, body.toString())
    let wasCut = false
    const first = this.#turn++
    for (let n = first; n < first + this.targets.length * turns; n += 1) {
      const target = this.targets[n % this.targets.length] ?? ''
      const outcome = await this.#pass(new URL(target), { incoming, body, outgoing, wasCut })
      if (outcome === 'answered') return
      if (outcome === 'cut') wasCut = true
      if (outcome === 'cut' && !isSafe(incoming)) break
    }
    outgoing.writeHead(502, wasCut ? { [cutHeader]: 'lost' } : {}).end('nobody answers')
  }

  /** `refused`: it has not heard of the request. */
  #pass({ hostname, port }: URL, { incoming, body, outgoing, wasCut }: Passage) {
    const { method, url, headers } = incoming
    return new Promise<'answered' | 'refused' | 'cut'>((resolve) => {
      const sent = request({ hostname, port, method, path: url, headers, agent: this.#agent })
      outgoing.once('close', () => sent.destroy())
      sent.once('response', (response) => {
        outgoing.writeHead(response.statusCode ?? 502, {
          ...response.headers,
          ...(wasCut ? { [cutHeader]: 'answered' } : {}),
        })
        outgoing.flushHeaders()
        response.pipe(outgoing)
        // Half of a reply is no reply.
        response.once('error', () => outgoing.destroy())
        resolve('answered')
      })
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'cut'))
      sent.end(body)
    })
  }

  async #stop(): Promise<void> {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

const isSafe = ({ method }: IncomingMessage) => method === 'GET' || method === 'HEAD'
