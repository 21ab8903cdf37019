import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { after, describe, test } from 'node:test'
import { type FeedReader, trustHub } from '../../src/trust/hub.ts'

const big = Array.from({ length: 4_000 }, (_, index) => ({ kid: `key-${index}`, filler: 'x'.repeat(100) }))
const nothingDenied = { denied: () => [], deniedNews: { add: [], drop: [] } }

describe('the hub', { timeout: 20_000 }, () => {
  const hub = trustHub()
  const server = createServer((_request, response) => arrived(response))
  let arrived: (response: ServerResponse) => void
  after(() => {
    hub.close()
    server.closeAllConnections()
    server.close()
  })

  async function openReader() {
    if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
    const response = new Promise<ServerResponse>((resolve) => {
      arrived = resolve
    })
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => undefined)
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    return { socket, response: await response }
  }

  test('survives sending away a reader that stopped reading', async () => {
    const { socket, response } = await openReader()
    socket.pause()
    hub.publish({ epoch: 1, n: 1, keys: big, revokedKids: [], ...nothingDenied })
    hub.add(response, undefined)
    for (let n = 2; response.writableLength === 0; n += 1)
      hub.publish({ epoch: 1, n, keys: big, revokedKids: [], ...nothingDenied })
    hub.closeAll()
    assert.equal(hub.readers(), 0)
    hub.publish({ epoch: 2, n: 1, keys: [], revokedKids: [], ...nothingDenied })
    socket.destroy()
  })

  test('does not keep a reader that was gone before it was added', async () => {
    const { socket, response } = await openReader()
    socket.destroy()
    await once(response, 'close')
    hub.add(response, undefined)
    assert.equal(hub.readers(), 0)
  })

  test('names a span for acknowledgements that grows with its readers, up to 2 s', () => {
    const every = () => () => undefined
    const spans = [1, 100, 5_000].map((count) => {
      const crowded = trustHub(every)
      const texts: string[] = []
      const reader = {
        destroyed: false,
        writableLength: 0,
        writeHead: () => reader,
        write: (text: string) => texts.push(text) > 0,
        end: () => reader,
        destroy: () => reader,
        on: () => reader,
      } as unknown as FeedReader
      for (let i = 0; i < count; i += 1) crowded.add({ ...reader }, undefined)
      crowded.publish({ epoch: 1, n: 1, keys: [], revokedKids: [], ...nothingDenied })
      return JSON.parse(/^data: (.*)$/m.exec(texts.at(-1) ?? '')?.[1] ?? '').acknowledgeWithinMs
    })
    assert.deepEqual(spans, [0, 66, 2_000])
  })

  test('cuts off a reader that leaves more unread than it may', async () => {
    const { socket, response } = await openReader()
    socket.pause()
    hub.add(response, undefined)
    for (let n = 10; !response.destroyed; n += 1)
      hub.publish({ epoch: 2, n, keys: big, revokedKids: [], ...nothingDenied })
    await once(response, 'close')
    assert.equal(hub.readers(), 0)
    socket.destroy()
  })

  test('lets a reader follow that was being sent pages when the set became a short one', async () => {
    const { socket, response } = await openReader()
    const texts: string[] = []
    socket.setEncoding('utf8').on('data', (text: string) => texts.push(text))
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      jti: `token-${index}`,
      expiresAt: '2030-01-01T00:00:00Z',
    }))
    hub.publish({ epoch: 3, n: 1, keys: [], revokedKids: [], denied: () => many, deniedNews: undefined })
    socket.pause()
    hub.add(response, undefined)
    hub.publish({ epoch: 4, n: 1, keys: [], revokedKids: [], ...nothingDenied, deniedNews: undefined })
    socket.resume()
    const told = (id: string) => texts.join('').includes(`id: ${id}\n`)
    while (!told('4.1')) await once(socket, 'data')
    hub.publish({ epoch: 4, n: 2, keys: [], revokedKids: [], ...nothingDenied })
    while (!told('4.2')) await once(socket, 'data')
    assert.equal(told('3.1'), true)
    assert.equal(response.listenerCount('drain'), 0)
    socket.destroy()
  })
})
