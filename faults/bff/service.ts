/** A service behind the backend for frontend: it says for whom it was asked, and tells a stream of events. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'
import { decodeUnverified } from '../estate/http.ts'

/** What no reply of the backend itself has: it sent a token that is over. */
const expiredStatus = 419
const eventEveryMs = 250
/** Tokens tell whole seconds. */
const skewMs = 2_000

export async function startService(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    const sub = String(request.headers['x-auth-subject'])
    if (!hasGoodToken(request)) return void response.writeHead(expiredStatus).end()
    if (request.url !== '/api/events') {
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ sub, method: request.method }))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => response.write(`data: ${sub}\n\n`), eventEveryMs)
    response.once('close', () => clearInterval(timer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function hasGoodToken({ headers: { authorization = '' } }: IncomingMessage): boolean {
  return decodeUnverified(authorization.replace('Bearer ', '')).expiresAt + skewMs > Date.now()
}
