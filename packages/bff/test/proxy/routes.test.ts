import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { BffError } from '../../src/error.ts'
import { ask, routeTo, startProxy, startUpstream } from './estate.ts'

const cookie = 'bff_session=ada'

describe('a route', () => {
  it('is guarded by what it says, before the service hears of anything', async (t) => {
    const upstream = await startUpstream(t)
    const kinds = ['session', 'bearer', 'link', 'none'] as const
    const routes = kinds.map((auth) => routeTo(upstream.url, { path: `/${auth}/*`, auth }))
    const { url } = await startProxy(t, { routes })
    const statuses = (headers: Record<string, string>, query = '') =>
      Promise.all(kinds.map(async (kind) => (await ask(url, `/${kind}/x${query}`, { headers })).status))
    assert.deepEqual(await statuses({}), [401, 401, 401, 200])
    assert.equal(upstream.seen.length, 1)
    assert.deepEqual(await statuses({ cookie }), [200, 401, 401, 200])
    assert.deepEqual(await statuses({ authorization: 'Bearer good' }), [401, 200, 401, 200])
    assert.deepEqual(await statuses({}, '?token=once'), [401, 401, 200, 200])
  })

  it('of sessions needs the CSRF token for what changes something, and that of bearers does not', async (t) => {
    const upstream = await startUpstream(t)
    const routes = (['session', 'bearer'] as const).map((auth) => routeTo(upstream.url, { path: `/${auth}/*`, auth }))
    const { url } = await startProxy(t, { routes })
    const post = (path: string, headers: Record<string, string>) =>
      ask(url, path, { method: 'POST', headers, body: 'a=b' })
    const refused = await post('/session/x', { cookie })
    assert.deepEqual([refused.status, JSON.parse(refused.body).code], [403, 'CSRF_REFUSED'])
    assert.equal(upstream.seen.length, 0)
    assert.equal((await post('/session/x', { cookie, 'x-csrf-token': 'good' })).status, 200)
    assert.equal(upstream.seen[0]?.headers['x-csrf-token'], undefined)
    assert.equal((await post('/bearer/x', { authorization: 'Bearer good' })).status, 200)
  })

  it('is decided about once it is known who calls', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [routeTo(upstream.url, { path: '/api/*', auth: 'session', authz: 'pdp' })]
    const decision = () => async (request: { session: { sub: string } }) => {
      if (request.session.sub === 'ada') throw new BffError('PDP_UNAVAILABLE', 'nobody decides')
    }
    const { url } = await startProxy(t, { routes, guards: { decision: decision as never } })
    assert.equal((await ask(url, '/api/x')).status, 401)
    assert.equal((await ask(url, '/api/x', { headers: { cookie } })).status, 503)
    assert.equal(upstream.seen.length, 0)
  })

  it('that is decided about by its body sends that body on as it came', async (t) => {
    const upstream = await startUpstream(t)
    const bodies: string[] = []
    const decision = () => async (request: FastifyRequest) => void bodies.push(String(request.body))
    const routes = [routeTo(upstream.url, { path: '/api/*', authz: 'pdp' })]
    const { url } = await startProxy(t, { routes, guards: { decision, asksForBody: () => true }, maxBodyBytes: 100 })
    const post = (body: string, headers: Record<string, string>) =>
      ask(url, '/api/x', { method: 'POST', body, headers })
    const exact = '{ "id": 12345678901234567890, "id": 2 }'
    assert.equal((await post(exact, { 'content-type': 'application/json' })).status, 200)
    assert.equal((await post('id=7', { 'transfer-encoding': 'chunked' })).status, 200)
    assert.deepEqual(bodies, [exact, 'id=7'])
    assert.deepEqual(
      upstream.seen.map(({ body }) => body),
      bodies,
    )
    assert.equal((await post('x'.repeat(101), { 'content-length': '101' })).status, 413)
    assert.equal((await post('x'.repeat(101), { 'transfer-encoding': 'chunked' })).status, 413)
    assert.equal(upstream.seen.length, 2)
  })

  it('of which no decision hangs on the body leaves that to the service, unread', async (t) => {
    const upstream = await startUpstream(t)
    const decision =
      () =>
      async ({ body }: FastifyRequest) =>
        assert.equal(body, undefined)
    const routes = [routeTo(upstream.url, { path: '/api/*', authz: 'pdp' })]
    const { url } = await startProxy(t, { routes, guards: { decision } })
    const headers = { 'content-type': 'application/json' }
    assert.equal((await ask(url, '/api/x', { method: 'POST', body: '{', headers })).status, 200)
    assert.equal(upstream.seen[0]?.body, '{')
  })

  it('answers the methods it is configured for, and tells them to who uses another one', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [
      routeTo(upstream.url, { path: '/api/orders/:id', methods: ['GET'] }),
      routeTo(upstream.url, { path: '/api/orders/:order', methods: ['PUT'] }),
      routeTo(upstream.url, { path: '/api/*', methods: ['POST'] }),
    ]
    const { url } = await startProxy(t, { routes })
    const refused = await ask(url, '/api/orders/7', { method: 'POST' })
    assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD, PUT'])
    assert.equal(JSON.parse(refused.body).code, 'METHOD_NOT_ALLOWED')
    assert.equal((await ask(url, '/api/x')).headers.allow, 'POST')
    assert.equal((await ask(url, '/api/x', { method: 'OPTIONS' })).status, 405)
    assert.equal(upstream.seen.length, 0)
    for (const method of ['GET', 'HEAD', 'PUT']) assert.equal((await ask(url, '/api/orders/7', { method })).status, 200)
    assert.equal((await ask(url, '/other')).status, 404)
  })

  it('that is internal is there for processes of this machine only, not by a proxy or in a browser', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [routeTo(upstream.url, { path: '/inner/*', internal: true, methods: ['GET'] })]
    const { url } = await startProxy(t, { routes })
    const hidden: [string, Record<string, string>][] = [
      ['GET', { 'x-forwarded-for': '198.51.100.7' }],
      ['GET', { 'x-forwarded-for': '127.0.0.1' }],
      ['GET', { forwarded: 'for=127.0.0.1' }],
      ['GET', { via: '1.1 nginx' }],
      ['GET', { 'x-real-ip': '127.0.0.1' }],
      ['POST', { 'x-forwarded-proto': 'https' }],
      ['GET', { origin: 'https://evil.example' }],
      ['GET', { 'sec-fetch-site': 'cross-site' }],
      ['GET', { host: 'evil.example' }],
      ['GET', { host: '127.0.0.1.evil.example:80' }],
      ['GET', { host: 'x@127.0.0.1@evil.example' }],
    ]
    for (const [method, headers] of hidden) {
      const { status, headers: told } = await ask(url, '/inner/x', { method, headers })
      assert.deepEqual([status, told.allow], [404, undefined])
    }
    assert.equal(upstream.seen.length, 0)
    for (const host of ['localhost:8000', '[::1]:8000', '127.0.0.1']) {
      assert.equal((await ask(url, '/inner/x', { headers: { host } })).status, 200)
    }
    assert.equal((await ask(url, '/inner/x', { method: 'POST' })).status, 405)
  })

  it('sees a path as the router does, however it is encoded', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [
      routeTo(upstream.url, { path: '/api/admin/*', auth: 'session' }),
      routeTo(upstream.url, { path: '/api/*', preservePath: true }),
    ]
    const { url } = await startProxy(t, { routes })
    for (const path of ['/api/admin/x', '/api/%61dmin/x', '/%61pi/admin/x', '/api/adm%69n/%78']) {
      assert.equal((await ask(url, path)).status, 401, path)
    }
    assert.equal(upstream.seen.length, 0)
    await ask(url, '/%61pi/admin/%78', { headers: { cookie } })
    assert.equal(upstream.seen[0]?.url, '/%78')
  })
})
