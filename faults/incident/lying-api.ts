import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'

/** Says of every refresh that it was done, and goes on as before: as an API does that answers by a proxy in front of it. */
export async function lyingApi(t: TestContext, behind: string): Promise<string> {
  const server = createServer(async (request, response) => {
    if (request.url?.startsWith('/internal/')) {
      const body = {
        issuer: 'x',
        revision: null,
        kids: [],
        added: [],
        removed: [],
        revoked: [],
        instance: 'liar',
        entries: [],
      }
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const headers = { authorization: request.headers.authorization ?? '' }
    const { status } = await fetch(behind + request.url, { headers })
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}
