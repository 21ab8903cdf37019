/** A service behind the proxies, which does next to nothing: what is measured is in front of it. */
import { createServer } from 'node:http'

const body = JSON.stringify({ message: 'hello' })
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }

const server = createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, headers).end(body))
})
server.keepAliveTimeout = 60_000
server.listen(Number(process.env.PORT), '127.0.0.1')
// Who started it holds a channel to it.
process.once('disconnect', () => process.exit())
