import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { eventually, freePort } from '@rekey/database/testing'
import { ask, routeTo, type Settings, startProxy, startUpstream } from './estate.ts'

/** A service that leaves its replies to the test. */
async function startHeld(t: TestContext, settings: Partial<Settings> = {}, streaming = true) {
  const calls: [IncomingMessage, ServerResponse][] = []
  const waiting: (() => void)[] = []
  const upstream = await startUpstream(t, (...call) => {
    calls.push(call)
    waiting.shift()?.()
  })
  const routes = [routeTo(upstream.url, { path: '/api/*', streaming })]
  const proxy = await startProxy(t, { routes, ...settings })
  const called = async () => {
    if (calls.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    return calls.shift() ?? assert.fail()
  }
  return { upstream, called, ...proxy }
}

const begin = (url: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
  request(`${url}/api/x`, { agent: false, ...options })

async function responseTo(outgoing: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [incoming] = await once(outgoing, 'response')
  return incoming
}

describe('a stream of events', () => {
  it('reaches the browser event by event, its headers before the first one', async (t) => {
    const { url, called } = await startHeld(t)
    const outgoing = begin(url)
    outgoing.end()
    const [, service] = await called()
    service.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const incoming = await responseTo(outgoing)
    assert.equal(incoming.headers['content-type'], 'text/event-stream')
    assert.equal(incoming.headers['x-accel-buffering'], 'no')
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      service.write(event)
      const [chunk] = await once(incoming, 'data')
      assert.equal(String(chunk), event)
    }
    service.end()
    await once(incoming, 'end')
  })

  it('may be silent for longer than other replies may', async (t) => {
    const { url, called } = await startHeld(t, { timeoutMs: 50 })
    const outgoing = begin(url)
    outgoing.end()
    const [, service] = await called()
    service.writeHead(200).write('first')
    const incoming = await responseTo(outgoing)
    await once(incoming, 'data')
    // The timers of undici tick each half a second: the silence must outlast what would end any other reply.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    service.end('last')
    assert.equal(String((await once(incoming, 'data'))[0]), 'last')
  })
})

describe('whoever goes away', () => {
  it('ends the request to the service when it was the browser, before the reply and within it', async (t) => {
    const { url, called } = await startHeld(t)
    const before = begin(url)
    before.on('error', () => undefined).end()
    const [, unanswered] = await called()
    before.destroy()
    await once(unanswered, 'close')
    assert.equal(unanswered.writableFinished, false)

    const within = begin(url)
    within.on('error', () => undefined).end()
    const [, answered] = await called()
    answered.write('first')
    const incoming = await responseTo(within)
    incoming.on('error', () => undefined)
    await once(incoming, 'data')
    within.destroy()
    await once(answered, 'close')
    assert.equal(answered.writableFinished, false)
  })

  it('ends the upload to the service when it was the browser', async (t) => {
    const { url, called } = await startHeld(t)
    const outgoing = begin(url, { method: 'POST' })
    outgoing.on('error', () => undefined).write('half')
    const [service] = await called()
    service.on('error', () => undefined)
    assert.equal(String((await once(service, 'data'))[0]), 'half')
    const closed = new Promise((resolve) => service.on('close', resolve))
    outgoing.destroy()
    await closed
    assert.equal(service.complete, false)
  })

  it('breaks the reply off when it was the service: no browser takes half for the whole', async (t) => {
    const { url, called, lines } = await startHeld(t)
    for (const headers of [{}, { 'content-length': '100' }]) {
      const outgoing = begin(url)
      outgoing.end()
      const [, service] = await called()
      service.writeHead(200, headers).write('half')
      const incoming = await responseTo(outgoing)
      const broken = once(incoming, 'error')
      await once(incoming, 'data')
      service.destroy()
      assert.equal((await broken)[0].code, 'ECONNRESET')
    }
    assert.equal(lines.filter((line) => JSON.stringify(line).includes('broke its reply off')).length, 2)
  })
})

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

  it('that speaks no HTTP is told to be away', async (t) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).end('SSH-2.0-nothing\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const { url } = await startProxy(t, { routes: [routeTo(`http://127.0.0.1:${port}`, { path: '/api/*' })] })
    assert.equal((await ask(url, '/api/x')).status, 502)
    for (const socket of sockets) socket.destroy()
  })

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

describe('a proxy that is stopped', () => {
  it('lets replies that are on their way arrive', async (t) => {
    const { url, app, called } = await startHeld(t, {}, false)
    const outgoing = begin(url)
    outgoing.end()
    const [, service] = await called()
    const closed = app.close()
    await eventually(
      () => ask(url, '/api/x').catch(() => ({ status: 0 })),
      ({ status }) => status === 503,
    )
    service.write('half')
    const incoming = await responseTo(outgoing)
    service.end(', whole')
    assert.equal((await incoming.toArray()).join(''), 'half, whole')
    await closed
  })

  it('waits for no stream, and for no service that does not answer', async (t) => {
    const { url, app, called, upstream } = await startHeld(t)
    const stream = begin(url)
    stream.end()
    const [, service] = await called()
    service.write('data: 1\n\n')
    const incoming = await responseTo(stream)
    const broken = once(incoming, 'error')
    incoming.resume()
    await app.close()
    await broken
    const brief = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const outcome = ask(brief.url, '/api/x').then(
      ({ status }) => status,
      ({ code }) => code,
    )
    await called()
    await brief.app.close()
    assert.ok([502, 'ECONNRESET'].includes(await outcome))
  })
})

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
