import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { begin, responseTo, startHeld } from './held.ts'

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

describe('a stream by session', () => {
  const headers = { cookie: 'bff_session=ada' }

  it('ends with its session, at the service too, and outlasts what cannot be told', async (t) => {
    let said: 'remains' | 'unknown' | 'ended' = 'remains'
    let looks = 0
    const remains = async () => {
      looks += 1
      if (said === 'unknown') throw new Error('the database is away')
      return said === 'remains'
    }
    const { url, called } = await startHeld(t, { guards: { remains } }, true, 'session')
    const outgoing = begin(url, { headers })
    outgoing.end()
    const [, service] = await called()
    service.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    const incoming = await responseTo(outgoing)
    const broken = new Promise((resolve) => incoming.once('close', resolve))
    incoming.on('error', () => undefined)
    await once(incoming, 'data')
    for (const now of ['remains', 'unknown'] as const) {
      said = now
      const before = looks
      await eventually(
        () => looks,
        (count) => count > before + 1,
      )
      service.write(`data: ${now}\n\n`)
      assert.equal(String((await once(incoming, 'data'))[0]), `data: ${now}\n\n`)
    }
    const closed = once(service, 'close')
    said = 'ended'
    await Promise.all([broken, closed])
    assert.equal(incoming.complete, false)
    const before = looks
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    assert.equal(looks, before)
  })

  it('ends with its session although nothing can be told of another one', async (t) => {
    let isOver = false
    const remains = async ({ url }: { url: string }) => {
      if (url.endsWith('?untold')) throw new Error('the tokens of this session do not open')
      return !isOver
    }
    const { url, called } = await startHeld(t, { guards: { remains } }, true, 'session')
    const services = []
    for (const query of ['?untold', '']) {
      const outgoing = request(`${url}/api/x${query}`, { agent: false, headers }).on('error', () => undefined)
      outgoing.end()
      const [, service] = await called()
      service.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      const incoming = await responseTo(outgoing)
      incoming.on('error', () => undefined).resume()
      services.push(service)
    }
    const [untold, other] = services
    isOver = true
    await once(other ?? assert.fail(), 'close')
    assert.equal(untold?.destroyed, false)
  })

  it('is refused where the session ends before the service answers', async (t) => {
    const { url, called } = await startHeld(t, { guards: { remains: async () => false } }, true, 'session')
    const outgoing = begin(url, { headers })
    outgoing.end()
    await called()
    assert.equal((await responseTo(outgoing)).statusCode, 401)
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

  it('is who takes nothing of a reply: others need the connection to the service', async (t) => {
    for (const streaming of [true, false]) {
      const { port, called } = await startHeld(t, { timeoutMs: 200 }, streaming)
      const browser = connect(port, '127.0.0.1').on('error', () => undefined)
      t.after(() => browser.destroy())
      browser.pause().write('GET /api/x HTTP/1.1\r\nHost: bff.example\r\n\r\n')
      const [, service] = await called()
      // More than the buffers between hold.
      service.end(Buffer.alloc(50_000_000))
      await once(service, 'close')
      assert.equal(service.writableFinished, false)
    }
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

  it('is told as the service being away where its reply is small enough to be read first', async (t) => {
    const { url, called, lines } = await startHeld(t, {}, false)
    const outgoing = begin(url)
    outgoing.end()
    const [, service] = await called()
    service
      .writeHead(200, { 'content-length': '100', 'content-type': 'text/plain' })
      .write('half', () => service.destroy())
    const incoming = await responseTo(outgoing)
    incoming.resume()
    assert.equal(incoming.statusCode, 502)
    assert.equal(lines.filter((line) => JSON.stringify(line).includes('a service failed')).length, 1)
  })
})
