/** The ceiling's half that sends: a bare node:http server that writes one event to every reader. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sharedClockMs } from './clock.ts'

const readers = new Set<ServerResponse>()

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': hello\n\n')
  readers.add(response)
  response.on('close', () => readers.delete(response))
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port })
})

process.on('message', ({ text }: { text: string }) => {
  const at = sharedClockMs()
  for (const reader of readers) reader.write(text)
  process.send?.({ type: 'sent', at })
})
process.on('disconnect', () => process.exit())
