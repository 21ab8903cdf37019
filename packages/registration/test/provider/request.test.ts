import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { portsWith } from '../../src/ports.ts'
import { excerptOf } from '../../src/provider/excerpt.ts'
import { type Patience, sender } from '../../src/provider/request.ts'

describe('a request to the identity provider', () => {
  let server: Server
  let url: string
  let answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void
  let asked: number
  let pauses: number[]
  let token: string | undefined

  beforeEach(async () => {
    asked = 0
    pauses = []
    server = createServer((request, response) => {
      token = request.headers.authorization
      answer(request, response, ++asked)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/reg/1`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const get = (patience: Patience = {}) =>
    sender(
      portsWith({ sleep: async (pause) => void pauses.push(pause) }),
      patience,
    )({ method: 'GET', url, token: 'rat-1' })

  for (const status of [429, 500, 502, 503, 504]) {
    it(`is sent again after ${status}, with longer and longer pauses`, async () => {
      answer = (_, response, nth) => response.writeHead(nth < 4 ? status : 200).end('{"a":1}')
      assert.deepEqual((await get()).body, { a: 1 })
      assert.equal(asked, 4)
      assert.equal(token, 'Bearer rat-1')
      const [first = 0, second = 0, third = 0] = pauses
      assert.ok(first >= 500 && second > first && third > second && third <= 3_000, `${pauses}`)
    })
  }

  it('waits as long as Retry-After says, and never longer than 10 seconds', async () => {
    answer = (_, response, nth) =>
      response.writeHead(nth < 3 ? 503 : 200, { 'retry-after': nth === 1 ? '2' : '3600' }).end()
    await get()
    assert.deepEqual(pauses, [2_000, 10_000])
  })

  it('is given up after the attempts, and says where it was sent and what came', async () => {
    answer = (_, response) => response.writeHead(503, { 'content-type': 'text/plain' }).end('under maintenance')
    await assert.rejects(get({ attempts: 2 }), {
      code: 'IDP_UNREACHABLE',
      message: /127\.0\.0\.1.*GET.*503: under maintenance.*IDP_BASE_URL/s,
    })
    assert.equal(asked, 2)
  })

  it('that hangs ends after its time', async () => {
    answer = () => undefined
    await assert.rejects(get({ attempts: 1, timeoutMs: 100 }), { code: 'IDP_UNREACHABLE', message: /no reply in time/ })
  })

  it('that nobody takes tells why', async () => {
    server.close()
    await assert.rejects(get({ attempts: 1 }), { code: 'IDP_UNREACHABLE', message: /ECONNREFUSED/ })
  })

  it('reads no more than 1 MB', async () => {
    answer = (_, response) => response.end(Buffer.alloc(2_000_000))
    await assert.rejects(get({ attempts: 1 }), { code: 'IDP_UNREACHABLE', message: /longer than 1000 kB/ })
  })

  it('follows no redirect with its token', async () => {
    answer = (_, response) => response.writeHead(307, { location: `${url}/elsewhere` }).end()
    assert.equal((await get()).status, 307)
    assert.equal(asked, 1)
  })
})

describe('the excerpt of a reply', () => {
  it('is one short line', () => {
    assert.equal(excerptOf(' <b>\n a\u0000b ', 'text/html', undefined), '<b> a b')
    assert.equal(excerptOf('', null, undefined), 'no text')
    assert.equal(excerptOf('word '.repeat(200), 'text/plain', undefined).length, 301)
  })

  it('holds no token: neither the one that was sent nor one that can be told by its name', () => {
    const said = excerptOf(
      '{"error":"x","hint":"opaque-1 is bad","registration_access_token":"opaque-2"}',
      'application/json',
      'opaque-1',
    )
    assert.ok(!/opaque-\d/.test(said), said)
    assert.match(said, /"error":"x"/)
  })
})
