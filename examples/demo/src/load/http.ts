import { Agent, type IncomingMessage, request } from 'node:http'

const timeoutMs = 5_000

export interface Outgoing {
  url: string
  headers: Record<string, string>
  /** Sent by POST when there is one. */
  body?: string
}

export interface Incoming {
  status: number
  body: string
}

/** Requests over kept connections, without retries: whatever a client would see counts. */
export class Connections {
  readonly #agent = new Agent({ keepAlive: true, scheduling: 'lifo' })

  /** Rejects with the socket's error, or one with code `TIMEOUT`. */
  send({ url, headers, body }: Outgoing): Promise<Incoming> {
    return new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST'
      const sent = request(url, { method, headers, agent: this.#agent }, (response) => {
        collect(response).then((text) => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, body: text })
        }, reject)
      })
      const timer = setTimeout(
        () => sent.destroy(Object.assign(new Error('no answer'), { code: 'TIMEOUT' })),
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

async function collect(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Why a request failed, as it is counted: `401 key_revoked`, `ECONNREFUSED`. */
export function causeOf(outcome: Incoming | unknown): string {
  const { status, body } = outcome as Partial<Incoming>
  if (status === undefined) return (outcome as NodeJS.ErrnoException).code ?? String(outcome)
  const code = /"(?:code|error)":"([^"]{1,60})"/.exec(body ?? '')?.[1]
  return code ? `${status} ${code}` : String(status)
}
