/** A service behind the backend for frontend, which notes what reaches it. Below /events it never comes to an end. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  line: string
  headers: IncomingHttpHeaders
}

export type Service = Awaited<ReturnType<typeof startService>>

export async function startService() {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, headers: request.headers })
    if (request.url?.startsWith('/events')) response.setHeader('content-type', 'text/event-stream').write('data: 1\n\n')
    else request.resume().on('end', () => response.end('hello'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
