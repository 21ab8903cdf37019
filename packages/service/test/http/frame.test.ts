import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { DatabaseError } from '@rekey/database'
import { KeyringError } from '@rekey/keyring'
import { z } from 'zod'
import { type App, newApp, type Refusal, refusalOf, ServiceError } from '../../src/index.ts'
import { asked, logged } from '../setting.ts'

class OwnError extends ServiceError<'TEAPOT'> {}

describe('the frame of a service', () => {
  const { log, lines } = logged()
  const refused: Refusal[] = []
  let app: App
  let http: Awaited<ReturnType<typeof asked>>
  const thrown: Record<string, unknown> = {
    own: new OwnError('TEAPOT', 'no coffee', { facts: { retryAfterSeconds: 7 } }),
    common: new ServiceError('OVERLOADED', 'too much'),
    keyring: new KeyringError('UNKNOWN_KEYRING', 'there is none'),
    database: new DatabaseError('UNREACHABLE', 'the address of it is a secret'),
    column: new DatabaseError('COLUMN_KEY_MISSING', 'agents/email/17 …', { facts: { version: 'columns-17' } }),
    unforeseen: new Error('a detail that is internal'),
  }

  before(async () => {
    app = newApp({
      log,
      trustedProxies: [],
      canonicalUrl: (url) => url.replace(/^\/v1\//, '/api/v1/'),
      refusalOf: (error) => refusalOf(error, { TEAPOT: 418 }),
      refused: (_request, refusal) => void refused.push(refusal),
    })
    app.post('/api/v1/things', { schema: { body: z.object({ name: z.string() }) } }, async ({ body }) => body)
    app.get('/api/v1/throws/:what', { schema: { params: z.object({ what: z.string() }) } }, async ({ params }) => {
      throw thrown[params.what]
    })
    http = await asked(app)
  })
  after(() => app.close())

  test('knows the paths that are written in another way', async () => {
    const { status, body } = await http.post('/v1/things', { name: 'a' })
    assert.deepEqual([status, body], [200, { name: 'a' }])
  })

  test('tells a wrong method from a wrong path', async () => {
    const wrong = await http.get('/api/v1/things')
    assert.deepEqual([wrong.status, wrong.body.code, wrong.headers.get('allow')], [405, 'METHOD_NOT_ALLOWED', 'POST'])
    const nowhere = await http.get('/api/v1/nothing')
    assert.deepEqual([nowhere.status, nowhere.body.code], [404, 'NOT_FOUND'])
  })

  test('refuses bodies that it does not understand', async () => {
    const things = (body: string, type = 'application/json') =>
      http.call('/api/v1/things', { method: 'POST', headers: { 'content-type': type }, body })
    const refusals = [
      await things('{'),
      await things('{}'),
      await things('a', 'text/plain'),
      await things(JSON.stringify({ name: 'a'.repeat(300_000) })),
    ]
    assert.deepEqual(
      refusals.map(({ status, body }) => [status, body.code]),
      [
        [400, 'INVALID_JSON'],
        [400, 'INVALID_REQUEST'],
        [415, 'UNSUPPORTED_MEDIA_TYPE'],
        [413, 'PAYLOAD_TOO_LARGE'],
      ],
    )
    assert.deepEqual(refusals[1]?.body.details[0].path, '/name')
  })

  const told: [string, number, string, string | null][] = [
    ['own', 418, 'TEAPOT', '7'],
    ['common', 503, 'OVERLOADED', '1'],
    ['keyring', 404, 'UNKNOWN_KEYRING', null],
    ['database', 503, 'DATABASE_UNAVAILABLE', '1'],
    ['column', 500, 'COLUMN_KEY_MISSING', null],
    ['unforeseen', 500, 'INTERNAL', null],
  ]
  for (const [what, status, code, retryAfter] of told) {
    test(`tells ${code} with its status, and says when to come again where that helps`, async () => {
      const reply = await http.get(`/api/v1/throws/${what}`)
      assert.deepEqual([reply.status, reply.body.code, reply.headers.get('retry-after')], [status, code, retryAfter])
      assert.equal(refused.at(-1)?.code, code)
    })
  }

  test('tells of a key that is missing who has to bring it back, and not whose value it was', async () => {
    const { body } = await http.get('/api/v1/throws/column')
    assert.match(body.message, /an operator has to put that key back/)
    assert.doesNotMatch(JSON.stringify(body), /try again|agents\/email/)
    assert.deepEqual(refused.at(-1)?.cause, { code: 'COLUMN_KEY_MISSING', version: 'columns-17' })
  })

  test('tells the log what it does not tell the caller, under one correlation id', async () => {
    const given = await http.get('/api/v1/throws/unforeseen', { 'x-correlation-id': 'from-afar' })
    assert.deepEqual([given.body.correlation_id, given.headers.get('x-correlation-id')], ['from-afar', 'from-afar'])
    assert.doesNotMatch(JSON.stringify(given.body), /a detail/)
    const line = lines.map((text) => JSON.parse(text)).find(({ correlationId }) => correlationId === 'from-afar')
    assert.match(line.err.message, /a detail that is internal/)
    const made = await http.get('/api/v1/throws/own', { 'x-correlation-id': 'not one' })
    assert.match(made.body.correlation_id, /^[0-9a-f-]{36}$/)
  })

  test('logs of what was refused the path, and never the query: only who reads it knows what in it is secret', async () => {
    await http.get('/api/v1/throws/own?invite=once-only', { 'x-correlation-id': 'invited' })
    await http.get('/nowhere?email=ada@example.com', { 'x-correlation-id': 'invited' })
    const told = lines.map((text) => JSON.parse(text)).filter(({ correlationId }) => correlationId === 'invited')
    assert.deepEqual(
      told.map(({ path, url }) => [path, url]),
      [
        ['/api/v1/throws/own', undefined],
        ['/nowhere', undefined],
      ],
    )
    assert.doesNotMatch(lines.join(''), /once-only|example\.com/)
  })
})

describe('a request that trickles in', () => {
  const { log } = logged()
  const framed = (requestTimeoutMs?: number) =>
    newApp({
      log,
      trustedProxies: [],
      refusalOf,
      refused: () => undefined,
      ...(requestTimeoutMs && { requestTimeoutMs }),
    })

  test('is answered 408 when its time is over, within its headers and within its body', async (t) => {
    const app = framed(100)
    app.post('/things', async () => 'never')
    t.after(() => app.close())
    await app.listen({ host: '127.0.0.1', port: 0 })
    const head = 'POST /things HTTP/1.1\r\nHost: x\r\n'
    const body = 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{'
    for (const sent of [head, head + body]) {
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(sent)
      assert.match(await text(socket), /^HTTP\/1\.1 408 /)
    }
  })

  test('has to bring its headers soon, however long its body may take', async (t) => {
    const [usual, patient] = [framed(), framed(300_000)]
    t.after(() => Promise.all([usual.close(), patient.close()]))
    assert.deepEqual([usual.server.headersTimeout, usual.server.requestTimeout], [30_000, 30_000])
    assert.deepEqual([patient.server.headersTimeout, patient.server.requestTimeout], [30_000, 300_000])
  })
})
