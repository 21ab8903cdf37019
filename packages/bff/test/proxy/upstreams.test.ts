import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { freePort } from '@rekey/database/testing'
import { ask, routeTo, startProxy, startUpstream } from './estate.ts'
import { startHeld } from './held.ts'

describe('a service that fails', () => {
  it('is told to be away when nothing listens there', async (t) => {
    const port = await freePort()
    const { url, lines } = await startProxy(t, { routes: [routeTo(`http://127.0.0.1:${port}`, { path: '/api/*' })] })
    for (const method of ['GET', 'POST']) {
      const { status, headers, body } = await ask(url, '/api/x', { method })
      assert.deepEqual([status, headers['retry-after'], JSON.parse(body).code], [502, '1', 'UPSTREAM_UNAVAILABLE'])
      assert.ok(!body.includes(String(port)), body)
    }
    const [line] = lines.filter((line) => JSON.stringify(line).includes('a service failed')) as Record<
      string,
      unknown
    >[]
    assert.equal(line?.service, `http://127.0.0.1:${port}`)
    assert.deepEqual(line?.cause, { code: 'ECONNREFUSED' })
  })

  it('is told to be late when it does not answer', async (t) => {
    const { url } = await startHeld(t, { timeoutMs: 100 }, false)
    const { status, headers, body } = await ask(url, '/api/x')
    assert.deepEqual([status, headers['retry-after'], JSON.parse(body).code], [504, '1', 'UPSTREAM_TIMEOUT'])
  })

  it('is asked again once when its connection was lost, if that changes nothing', async (t) => {
    const asked: string[] = []
    const upstream = await startUpstream(t, (incoming, outgoing) => {
      asked.push(incoming.method ?? '')
      if (asked.length % 2 === 1) incoming.socket.destroy()
      else outgoing.end('at last')
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    assert.equal((await ask(url, '/api/x')).body, 'at last')
    assert.deepEqual(asked, ['GET', 'GET'])
    for (const body of ['a=b', undefined]) {
      asked.length = 0
      assert.equal((await ask(url, '/api/x', { method: 'POST', ...(body && { body }) })).status, 502)
      assert.deepEqual(asked, ['POST'])
    }
    asked.length = 0
    assert.equal((await ask(url, '/api/x', { method: 'DELETE' })).status, 502)
    assert.deepEqual(asked, ['DELETE'])
  })

  it('is not asked a second time when it says 503 itself', async (t) => {
    let count = 0
    const upstream = await startUpstream(t, (_incoming, outgoing) => {
      count++
      outgoing.writeHead(503, { 'retry-after': '7' }).end('busy')
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { status, headers, body } = await ask(url, '/api/x')
    assert.deepEqual([status, headers['retry-after'], body, count], [503, '7', 'busy', 1])
  })

  const nonsense: Record<string, string> = {
    'no HTTP at all': 'SSH-2.0-nothing\r\n',
    'a status that is none': 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n',
    'a status below them all': 'HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n',
    'an upgrade that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    'a header with a control character': 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n',
    'a header whose name is none': 'HTTP/1.1 200 OK\r\nX(A): a\r\nContent-Length: 0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde',
    'a length beside chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'headers without an end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`,
  }
  for (const [what, said] of Object.entries(nonsense)) {
    it(`is told to be away when it says nonsense: ${what}`, async (t) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => undefined).once('data', () => socket.write(said, 'latin1'))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      const { url } = await startProxy(t, {
        routes: [routeTo(`http://127.0.0.1:${port}`, { path: '/api/*' })],
        timeoutMs: 2_000,
      })
      const { status, body } = await ask(url, '/api/x')
      assert.deepEqual([status, JSON.parse(body).code], [502, 'UPSTREAM_UNAVAILABLE'])
    })
  }

  it('takes nobody along: other services answer', async (t) => {
    const { upstream } = await startHeld(t)
    const other = await startUpstream(t)
    const routes = [routeTo(upstream.url, { path: '/held/*' }), routeTo(other.url, { path: '/other/*' })]
    const { url } = await startProxy(t, { routes })
    const held = Array.from({ length: 500 }, () => ask(url, '/held/x').catch((error) => ({ status: 0, error })))
    // 128 connections and 256 that wait: whoever comes after them is turned away at once.
    const answered: number[] = []
    await new Promise<void>((resolve) => {
      for (const one of held) {
        one.then(({ status }) => {
          answered.push(status)
          if (answered.length === 500 - 128 - 256) resolve()
        })
      }
    })
    assert.deepEqual(new Set(answered), new Set([503]))
    assert.equal((await ask(url, '/other/x')).status, 200)
    await upstream.close()
    await Promise.all(held)
  })
})
