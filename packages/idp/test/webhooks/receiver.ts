/** A receiver of webhooks that is played by a test. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@rekey/database/testing'

/** What arrived. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
  event: { type: string; timestamp: string; data: { seq: number; id: string } & Record<string, unknown> }
}

export type Answer = (response: ServerResponse, received: Received) => void

export const answering =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end()

export type Receiver = Awaited<ReturnType<typeof startReceiver>>

/** Takes everything, answers as it was told last, and keeps what arrived. */
export async function startReceiver(first: Answer = answering(204)) {
  let answer = first
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { url: path = '', headers } = request
    const one = { path, headers, body, event: JSON.parse(body) }
    received.push(one)
    answer(response, one)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}/hook`,
    port,
    received,
    answer(next: Answer) {
      answer = next
    },
    /** Until so many arrived that fit. */
    arrived: (count: number, fits: (received: Received) => boolean = () => true) =>
      eventually(
        () => received.filter(fits),
        (found) => found.length >= count,
      ),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
