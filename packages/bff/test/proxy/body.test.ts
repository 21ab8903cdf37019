import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { describe, it } from 'node:test'
import { ask, routeTo, startProxy, startUpstream } from './estate.ts'
import { begin, responseTo, startHeld } from './held.ts'

describe('a body', () => {
  const whole = 'x'.repeat(5_000_000)

  it('is streamed up and down as it came', async (t) => {
    const upstream = await startUpstream(t, (incoming, outgoing) => {
      outgoing.setHeader('x-length', incoming.headers['content-length'] ?? incoming.headers['transfer-encoding'] ?? '')
      incoming.pipe(outgoing)
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const types = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', undefined]
    for (const type of types) {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      const known = await ask(url, '/api/x', {
        method: 'POST',
        headers: { ...headers, 'content-length': String(whole.length) },
        body: whole,
      })
      assert.equal(known.headers['x-length'], String(whole.length))
      assert.ok(known.body === whole)
    }
    const chunked = await ask(url, '/api/x', {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: whole,
    })
    assert.equal(chunked.headers['x-length'], 'chunked')
    assert.ok(chunked.body === whole)
  })

  it('reaches the service before the browser has sent all of it', async (t) => {
    const { url, called } = await startHeld(t)
    const outgoing = begin(url, { method: 'PUT' })
    outgoing.write('first')
    const [incoming, service] = await called()
    assert.equal(String((await once(incoming, 'data'))[0]), 'first')
    outgoing.end('last')
    assert.equal(String((await once(incoming, 'data'))[0]), 'last')
    service.end()
    assert.equal((await responseTo(outgoing)).statusCode, 200)
  })

  it('that says to be too long is refused before the service hears of it', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })], maxBodyBytes: 10 })
    const post = (body: string) =>
      ask(url, '/api/x', { method: 'POST', headers: { 'content-length': String(body.length) }, body })
    const refused = await post('x'.repeat(11))
    assert.deepEqual([refused.status, JSON.parse(refused.body).code], [413, 'PAYLOAD_TOO_LARGE'])
    assert.equal(upstream.seen.length, 0)
    assert.equal((await post('x'.repeat(10))).status, 200)
  })

  it('that turns out to be too long is broken off, and the connection serves the next request', async (t) => {
    const taken: number[] = []
    const upstream = await startUpstream(t, async (incoming, outgoing) => {
      const chunks: Buffer[] = await incoming.toArray().catch(() => [])
      if (!incoming.complete) return
      taken.push(Buffer.concat(chunks).length)
      outgoing.end()
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })], maxBodyBytes: 100_000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    const send = async (bytes: number) => {
      const outgoing = request(`${url}/api/x`, { method: 'POST', agent, headers: { 'transfer-encoding': 'chunked' } })
      outgoing.end(Buffer.alloc(bytes))
      const incoming = await responseTo(outgoing)
      incoming.resume()
      await once(incoming, 'end')
      return [incoming.statusCode, outgoing.reusedSocket]
    }
    assert.deepEqual(await send(1_000_000), [413, false])
    assert.deepEqual(await send(1_000), [200, true])
    assert.deepEqual(taken, [1_000])
  })

  it('that does not arrive in the time that it has is broken off, for the service too', async (t) => {
    const { url, called } = await startHeld(t, { requestTimeoutMs: 200 })
    const outgoing = begin(url, { method: 'PUT' })
    outgoing.write('first')
    const [incoming] = await called()
    incoming.resume()
    const broken = once(incoming, 'error')
    assert.equal((await responseTo(outgoing)).statusCode, 408)
    assert.equal((await broken)[0].code, 'ECONNRESET')
  })

  it('does not keep the browser from hearing that the service is away', async (t) => {
    const upstream = await startUpstream(t, (incoming) => incoming.socket.destroy())
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { status } = await ask(url, '/api/x', {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: whole,
    })
    assert.equal(status, 502)
  })
})
