import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ada, ask, type guards, routeTo, startProxy, startUpstream } from '../estate.ts'

const cookie = 'bff_session=ada'

describe('what a service sees of a request', () => {
  it('is the access token of the session, never what the browser sent', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', auth: 'session' })] })
    const headers = {
      cookie: `${cookie}; theme=dark`,
      authorization: 'Bearer forged',
      'x-auth-subject': 'root',
      'x-auth-roles': 'admin',
    }
    assert.equal((await ask(url, '/api/x', { headers })).status, 200)
    const [seen] = upstream.seen
    assert.equal(seen?.headers.authorization, `Bearer ${ada.accessToken}`)
    assert.equal(seen?.headers['x-auth-subject'], 'ada')
    assert.equal(seen?.headers['x-auth-roles'], undefined)
    assert.equal(seen?.headers.cookie, undefined)
  })

  it("is a bearer's own token, and nobody's word for who it is", async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', auth: 'bearer' })] })
    await ask(url, '/api/x', { headers: { authorization: 'Bearer good', cookie, 'x-auth-subject': 'root' } })
    assert.equal(upstream.seen[0]?.headers.authorization, 'Bearer good')
    assert.equal(upstream.seen[0]?.headers['x-auth-subject'], 'grace')
    assert.equal(upstream.seen[0]?.headers.cookie, undefined)
  })

  it('is whom a link was for, and no authorization', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', auth: 'link' })] })
    await ask(url, '/api/x?token=once', { headers: { authorization: 'Bearer good', 'x-auth-subject': 'root' } })
    assert.equal(upstream.seen[0]?.headers['x-auth-subject'], 'alan')
    assert.equal(upstream.seen[0]?.headers['x-auth-claims'], undefined)
    assert.equal(upstream.seen[0]?.headers.authorization, undefined)
  })

  it('is nobody where a route is open, and what the caller sent for the service itself', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    await ask(url, '/api/x', { headers: { authorization: 'Basic eDp5', cookie, 'x-auth-subject': 'root' } })
    assert.equal(upstream.seen[0]?.headers['x-auth-subject'], undefined)
    assert.equal(upstream.seen[0]?.headers.authorization, 'Basic eDp5')
    assert.equal(upstream.seen[0]?.headers.cookie, undefined)
  })

  it('is what a link says of its reader besides, and nobody else says it', async (t) => {
    const upstream = await startUpstream(t)
    const claims = { team: 'zürich', seats: 3 }
    const link: typeof guards.link = async (request) => {
      request.link = { id: 'link-1', sub: 'alan', claims }
    }
    const routes = [
      routeTo(upstream.url, { path: '/links/*', auth: 'link' }),
      routeTo(upstream.url, { path: '/open/*' }),
    ]
    const { url } = await startProxy(t, { routes, guards: { link } })
    const headers = { 'x-auth-claims': 'e30' }
    await ask(url, '/links/x', { headers })
    const told = String(upstream.seen[0]?.headers['x-auth-claims'])
    assert.match(told, /^[\w-]+$/)
    assert.deepEqual(JSON.parse(Buffer.from(told, 'base64url').toString()), claims)
    await ask(url, '/open/x', { headers })
    assert.equal(upstream.seen[1]?.headers['x-auth-claims'], undefined)
  })

  it('is the name of the user percent-encoded, as /auth/verify tells it, so that it is no other header', async (t) => {
    const upstream = await startUpstream(t)
    const session: typeof guards.session = async (request) => {
      request.session = { ...ada, sub: 'ad\u0430%\r\nX-Auth-Roles: admin' }
    }
    const routes = [routeTo(upstream.url, { path: '/api/*', auth: 'session' })]
    const { url } = await startProxy(t, { routes, guards: { session } })
    assert.equal((await ask(url, '/api/x')).status, 200)
    assert.equal(upstream.seen[0]?.headers['x-auth-subject'], 'ad%D0%B0%25%0D%0AX-Auth-Roles:%20admin')
    assert.equal(upstream.seen[0]?.headers['x-auth-roles'], undefined)
  })

  it('has nothing that belongs to one connection, named in Connection or not', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', auth: 'session' })] })
    const headers = {
      cookie,
      connection: 'close, X-Private, Authorization, X-Auth-Subject',
      'x-private': '1',
      'keep-alive': 'timeout=5',
      te: 'trailers',
      upgrade: 'websocket',
      'proxy-authorization': 'Basic eDp5',
      'proxy-connection': 'keep-alive',
      accept: 'application/json',
    }
    assert.equal((await ask(url, '/api/x', { headers })).status, 200)
    const { headers: seen } = upstream.seen[0] ?? assert.fail()
    for (const name of ['x-private', 'te', 'upgrade', 'proxy-authorization', 'proxy-connection', 'keep-alive']) {
      assert.equal(seen[name], undefined, name)
    }
    assert.equal(seen.accept, 'application/json')
    assert.equal(seen.authorization, `Bearer ${ada.accessToken}`)
    assert.equal(seen['x-auth-subject'], 'ada')
  })

  it('has no other path, method, address, host or user than there is', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const claimed = {
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-prefix': '/admin',
      'x-original-url': '/admin',
      'x-rewrite-url': '/admin',
      'x-http-method-override': 'DELETE',
      'x-real-ip': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      proxy: 'http://evil.example',
      host: 'evil.example',
      'remote-user': 'eve',
      'x-remote-group': 'admins',
      'x-ssl-client-s-dn': 'CN=eve',
      'client-cert': ':eve:',
      'x-amzn-oidc-data': 'eve',
      'x-ms-client-principal-name': 'eve',
      'x-envoy-original-path': '/admin',
    }
    await ask(url, '/api/x', { headers: claimed })
    const { headers: seen } = upstream.seen[0] ?? assert.fail()
    assert.equal(seen['x-forwarded-for'], '127.0.0.1')
    assert.equal(seen['x-forwarded-proto'], 'http')
    assert.equal(seen['x-forwarded-host'], 'bff.example')
    assert.equal(seen.host, new URL(upstream.url).host)
    const set = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'host']
    for (const name of Object.keys(claimed)) assert.equal(seen[name] === undefined, !set.includes(name), name)
  })

  it('says what trusted proxies say about where a request comes from, and no more', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [routeTo(upstream.url, { path: '/api/*' })]
    const { url } = await startProxy(t, { routes, trustedProxies: ['127.0.0.1', '10.0.0.0/8'] })
    const headers = {
      'x-forwarded-for': '6.6.6.6, 198.51.100.7, 10.1.1.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    }
    const { headers: told } = await ask(url, '/api/x', { headers })
    const { headers: seen } = upstream.seen[0] ?? assert.fail()
    assert.equal(seen['x-forwarded-for'], '198.51.100.7, 10.1.1.1, 127.0.0.1')
    assert.equal(seen['x-forwarded-proto'], 'https')
    assert.equal(seen['x-forwarded-host'], 'bff.example')
    assert.equal(told['strict-transport-security'], 'max-age=60')
  })

  it('has a correlation id, which the browser is told too', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { headers } = await ask(url, '/api/x')
    assert.match(String(headers['x-correlation-id']), /^[0-9a-f-]{36}$/)
    assert.equal(upstream.seen[0]?.headers['x-correlation-id'], headers['x-correlation-id'])
    const given = await ask(url, '/api/x', { headers: { 'x-correlation-id': 'trace-1' } })
    assert.equal(given.headers['x-correlation-id'], 'trace-1')
    assert.equal(upstream.seen[1]?.headers['x-correlation-id'], 'trace-1')
    await ask(url, '/api/x', { headers: { 'x-correlation-id': 'a b"c' } })
    assert.match(String(upstream.seen[2]?.headers['x-correlation-id']), /^[0-9a-f-]{36}$/)
  })
})
