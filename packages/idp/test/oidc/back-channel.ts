import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A client's own server, which is told of logouts. @param at its port; any where none is given */
export async function backChannel(at = 0) {
  const told: string[] = []
  const paths: string[] = []
  const server = createServer(async (request, response) => {
    paths.push(request.url ?? '')
    told.push(new URLSearchParams(await text(request)).get('logout_token') ?? '')
    response.writeHead(200).end()
  })
  server.listen(at, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { told, paths, url: `http://localhost:${port}/logout`, close: () => server.close().closeAllConnections() }
}
