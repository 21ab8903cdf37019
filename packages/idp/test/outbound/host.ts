/** A server that somebody else runs: it answers as the test says, and counts. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answering = (response: ServerResponse, request: IncomingMessage) => void

export const jsonOf =
  (body: unknown, headers: Record<string, string> = {}): Answering =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

export async function startHost(answering: Answering = jsonOf({})) {
  let answer = answering
  let requests = 0
  let open = 0
  let mostOpen = 0
  const server = createServer((request, response) => {
    requests += 1
    open += 1
    mostOpen = Math.max(mostOpen, open)
    response.on('close', () => {
      open -= 1
    })
    answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    /** As REKEY_OUTBOUND_ALLOW names it. */
    name: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/keys`,
    requests: () => requests,
    mostOpen: () => mostOpen,
    set(next: Answering) {
      answer = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Host = Awaited<ReturnType<typeof startHost>>
