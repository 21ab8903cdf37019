import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { newApp } from '@rekey/service'
import { pino } from 'pino'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { accessLog } from '../../src/operations/access-log.ts'
import { correlate, correlatedFetch } from '../../src/operations/correlation.ts'
import { drainOnClose } from '../../src/operations/drain.ts'
import type { LiveSession } from '../../src/sessions/session.ts'

/** An application with what every request meets, and a service that it asks. */
async function started(t: TestContext, level = 'debug') {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const app = newApp({ log, trustedProxies: [], refusalOf, refused: () => undefined, send: sendRefusal })
  correlate(app)
  accessLog(app, log, () => performance.now())
  drainOnClose(app)
  const asked: IncomingMessage[] = []
  const other = createServer((request, response) => {
    asked.push(request)
    response.end('{}')
  })
  await once(other.listen(0, '127.0.0.1'), 'listening')
  const otherUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const fetchThere = correlatedFetch(fetch)
  const askOther = async () => (await fetchThere(otherUrl, { headers: { accept: 'text/plain' } })).json()
  app.get('/asks', askOther)
  app.post('/asks', askOther)
  const held = Promise.withResolvers<string>()
  const begun = Promise.withResolvers<void>()
  app.get('/auth/held', () => {
    begun.resolve()
    return held.promise
  })
  app.decorateRequest('session')
  app.get('/mine', async (request) => {
    request.session = { id: 'session-7', accessToken: 'secret-access-token' } as LiveSession
    return 'mine'
  })
  const stream = new Readable({ read: () => undefined })
  app.get('/events', (_request, reply) => {
    stream.push('data: 1\n\n')
    return reply.type('text/event-stream').send(stream)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await app.close()
    other.close().closeAllConnections()
  })
  return { app, url, lines, asked, held, begun, stream }
}

describe('a correlation id', () => {
  test('of a caller is told in the reply, and to whoever is asked meanwhile, with a body read or not', async (t) => {
    const { url, asked } = await started(t)
    for (const method of ['GET', 'POST']) {
      const id = randomUUID()
      const body = method === 'POST' ? JSON.stringify({ long: 'x'.repeat(100_000) }) : null
      const headers = { 'x-correlation-id': id, ...(body ? { 'content-type': 'application/json' } : {}) }
      const reply = await fetch(`${url}/asks`, { method, headers, body })
      assert.equal(reply.status, 200)
      assert.equal(reply.headers.get('x-correlation-id'), id)
      const { headers: sent } = asked.at(-1) as IncomingMessage
      assert.deepEqual([sent['x-correlation-id'], sent.accept], [id, 'text/plain'])
    }
  })

  test('is made where there is none, or one that is none; a refusal tells the same as its header', async (t) => {
    const { url, asked } = await started(t)
    for (const given of [undefined, 'with spaces', 'x'.repeat(200), '{"a":1}']) {
      const reply = await fetch(`${url}/nothing`, { headers: given === undefined ? {} : { 'x-correlation-id': given } })
      const id = reply.headers.get('x-correlation-id')
      assert.match(String(id), /^[\w-]{36}$/)
      assert.equal(((await reply.json()) as { correlation_id: string }).correlation_id, id)
    }
    await fetch(`${url}/asks`)
    assert.match(String(asked.at(-1)?.headers['x-correlation-id']), /^[\w-]{36}$/)
  })

  test('of one request is not told on behalf of another one', async (t) => {
    const { url, asked } = await started(t)
    const ids = Array.from({ length: 30 }, () => randomUUID())
    await Promise.all(ids.map((id) => fetch(`${url}/asks`, { headers: { 'x-correlation-id': id } })))
    assert.deepEqual(asked.map(({ headers }) => headers['x-correlation-id']).sort(), ids.sort())
  })
})

describe('the record of requests', () => {
  test('has a line for each, with these fields and no others: no query, no header, no token', async (t) => {
    const { url, lines } = await started(t)
    await fetch(`${url}/mine?token=secret-in-the-query`, { headers: { authorization: 'Bearer secret-in-a-header' } })
    await eventually(
      async () => lines.length,
      (length) => length === 1,
    )
    const { ms, time, correlationId, ...line } = lines[0] as Record<string, unknown>
    assert.equal(typeof ms, 'number')
    assert.equal(typeof time, 'number')
    assert.match(String(correlationId), /^[\w-]{36}$/)
    const { pid: _pid, hostname: _hostname, ...rest } = line
    assert.deepEqual(rest, {
      level: 20,
      method: 'GET',
      path: '/mine',
      status: 200,
      complete: true,
      session: 'session-7',
      msg: 'request',
    })
    assert.equal(JSON.stringify(lines).includes('secret'), false)
  })

  test('is kept at the level debug only', async (t) => {
    const { url, lines } = await started(t, 'info')
    await fetch(`${url}/mine`)
    assert.deepEqual(lines, [])
  })

  test('says of a reply that it did not arrive', async (t) => {
    const { url, lines } = await started(t)
    const outgoing = httpRequest(`${url}/events`).end()
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    await once(incoming, 'data')
    outgoing.destroy()
    await eventually(
      async () => lines.length,
      (length) => length === 1,
    )
    assert.deepEqual([lines[0]?.path, lines[0]?.complete], ['/events', false])
  })
})

describe('an instance that is stopped', () => {
  test('answers 503 to what comes, answers what came before, and ends streams of events cleanly', async (t) => {
    const { url, app, held, begun, stream } = await started(t)
    const login = fetch(`${url}/auth/held`)
    await begun.promise
    const events = await fetch(`${url}/events`)
    assert.ok(events.body)
    const chunks = events.body.getReader()
    assert.equal(Buffer.from((await chunks.read()).value ?? []).toString(), 'data: 1\n\n')
    const closed = app.close()
    // Nothing is cut off: the reader is told that it was the end.
    assert.equal((await chunks.read()).done, true)
    const { status } = await fetch(`${url}/readyz`)
    assert.equal(status, 503)
    held.resolve('logged in')
    assert.equal(await (await login).text(), 'logged in')
    await closed
    assert.ok(stream.destroyed)
  })

  test('waits for nobody for ever', async (t) => {
    const { url, app, begun } = await started(t)
    const login = fetch(`${url}/auth/held`).then(
      () => 'answered',
      () => 'cut off',
    )
    await begun.promise
    await app.close()
    assert.equal(await login, 'cut off')
  })
})
