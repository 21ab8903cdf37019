import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ada, ask, type guards, rawly, routeTo, startProxy, startUpstream } from './estate.ts'

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

  it('is nobody where the name of the user can stand in no header', async (t) => {
    const upstream = await startUpstream(t)
    const session: typeof guards.session = async (request) => {
      request.session = { ...ada, sub: 'ad\u0430\r\nX-Auth-Roles: admin' }
    }
    const routes = [routeTo(upstream.url, { path: '/api/*', auth: 'session' })]
    const { url } = await startProxy(t, { routes, guards: { session } })
    assert.equal((await ask(url, '/api/x')).status, 200)
    assert.equal(upstream.seen[0]?.headers['x-auth-subject'], undefined)
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

  it('has no other path, method, address or host than there is', async (t) => {
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
    }
    await ask(url, '/api/x', { headers: claimed })
    const { headers: seen } = upstream.seen[0] ?? assert.fail()
    assert.equal(seen['x-forwarded-for'], '127.0.0.1')
    assert.equal(seen['x-forwarded-proto'], 'http')
    assert.equal(seen['x-forwarded-host'], 'bff.example')
    assert.equal(seen.host, new URL(upstream.url).host)
    const names = [
      'x-forwarded-prefix',
      'x-original-url',
      'x-rewrite-url',
      'x-http-method-override',
      'x-real-ip',
      'forwarded',
      'proxy',
    ]
    for (const name of names) assert.equal(seen[name], undefined, name)
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

describe('a request that two servers may read in two ways', () => {
  const wrong: Record<string, string[]> = {
    'an underscore in the name of a header': ['GET /api/x HTTP/1.1', 'Host: x', 'X_Auth_Subject: root'],
    'a dot in the name of a header': ['GET /api/x HTTP/1.1', 'Host: x', 'X.Auth.Subject: root'],
    'two Authorizations': [
      'GET /api/x HTTP/1.1',
      'Host: x',
      'Authorization: Bearer good',
      'Authorization: Bearer other',
    ],
    'two Hosts': ['GET /api/x HTTP/1.1', 'Host: x', 'Host: y'],
    'two content types': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Content-Type: a/b',
      'Content-Type: c/d',
      'Content-Length: 0',
    ],
    'two lengths': ['POST /api/x HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2', '', 'ab'],
    'a length beside chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      '',
      '0',
      '',
      '',
    ],
    'a length after chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Transfer-Encoding: chunked',
      'Content-Length: 5',
      '',
      '0',
      '',
      '',
    ],
    'an encoding that is none': ['POST /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding: xchunked', '', '0', '', ''],
    'an encoding after chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Transfer-Encoding: chunked, identity',
      '',
      '0',
      '',
      '',
    ],
    'a space before the colon': ['POST /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding : chunked', '', '0', '', ''],
    'a folded line': ['GET /api/x HTTP/1.1', 'Host: x', 'X-A: 1', ' X-Auth-Subject: root'],
    'a GET with a body': ['GET /api/x HTTP/1.1', 'Host: x', 'Content-Length: 3', '', 'abc'],
    'a HEAD with chunks': ['HEAD /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', '', '0', '', ''],
    'another host in its first line': ['GET http://evil.example/api/x HTTP/1.1', 'Host: x'],
    'no Host': ['GET /api/x HTTP/1.1', 'X-A: b'],
  }
  for (const [what, lines] of Object.entries(wrong)) {
    it(`is refused: ${what}`, async (t) => {
      const upstream = await startUpstream(t)
      const { port } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
      const [first = '', ...rest] = lines
      const said = await rawly(port, [first, 'Connection: close', ...rest, '', ''].join('\r\n'))
      assert.match(said, /^HTTP\/1\.1 400 /)
      assert.equal(upstream.seen.length, 0)
    })
  }

  it('hides none behind itself: what follows a body is read as a request of its own', async (t) => {
    const upstream = await startUpstream(t)
    const { port } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const inner = 'GET /internal/secret HTTP/1.1\r\nHost: x\r\n\r\n'
    const outer = `POST /api/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`
    const said = await rawly(port, `${outer}GET /api/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.equal(said.match(/HTTP\/1\.1 200 /g)?.length, 2)
    assert.deepEqual(
      upstream.seen.map(({ url, body }) => [url, body]),
      [
        ['/a', inner],
        ['/b', ''],
      ],
    )
  })
})

describe("what a browser sees of a service's reply", () => {
  it('is the reply, without what belongs to the connection or tells what runs there', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) => {
      outgoing.writeHead(201, {
        connection: 'close, x-private',
        'x-private': '1',
        'keep-alive': 'timeout=9',
        server: 'secret/1.0',
        'x-powered-by': 'secret',
        etag: '"1"',
        'content-disposition': 'attachment; filename="\xe9"',
        'strict-transport-security': 'max-age=0',
        'clear-site-data': '"cookies"',
        'access-control-allow-origin': '*',
      })
      outgoing.end(Buffer.from('made'))
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { status, headers, body } = await ask(url, '/api/x')
    assert.equal(status, 201)
    assert.equal(body, 'made')
    assert.equal(headers.etag, '"1"')
    assert.equal(headers['content-disposition'], 'attachment; filename="\xe9"')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    const gone = [
      'x-private',
      'server',
      'x-powered-by',
      'strict-transport-security',
      'clear-site-data',
      'access-control-allow-origin',
      'content-security-policy',
    ]
    for (const name of gone) assert.equal(headers[name], undefined, name)
  })

  it('sets no cookie of ours, whatever form it has', async (t) => {
    const others = ['theme=dark; Path=/', 'bffx=1', 'a=bff_session=1']
    const ours = [
      'bff_session=evil',
      '__Host-bff_session=evil; Path=/; Secure',
      ' BFF_session=evil',
      '=bff_session=evil',
      'bff_session',
      '__Secure-bff_state=1',
    ]
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.setHeader('set-cookie', [...ours, ...others]).end(),
    )
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    assert.deepEqual((await ask(url, '/api/x')).headers['set-cookie'], others)
  })

  it('keeps the cookie that goes with the session, beside those of the service', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.setHeader('set-cookie', ['a=1', 'b=2']).end(),
    )
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', auth: 'session' })] })
    const { headers } = await ask(url, '/api/x', { headers: { cookie } })
    assert.deepEqual(headers['set-cookie'], ['bff_session=ada; HttpOnly', 'a=1', 'b=2'])
  })

  it('asks for no password when a service does not take the token of a session', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.writeHead(401, { 'www-authenticate': 'Basic' }).end('no'),
    )
    const routes = [
      routeTo(upstream.url, { path: '/s/*', auth: 'session' }),
      routeTo(upstream.url, { path: '/b/*', auth: 'bearer' }),
    ]
    const { url } = await startProxy(t, { routes })
    const session = await ask(url, '/s/x', { headers: { cookie } })
    assert.deepEqual([session.status, session.body, session.headers['www-authenticate']], [401, 'no', undefined])
    const bearer = await ask(url, '/b/x', { headers: { authorization: 'Bearer good' } })
    assert.deepEqual([bearer.status, bearer.headers['www-authenticate']], [401, 'Basic'])
  })

  it('is kept by no cache when a session asked, unless the service says otherwise', async (t) => {
    const upstream = await startUpstream(t, (incoming, outgoing) => {
      if (incoming.url === '/public') outgoing.setHeader('cache-control', 'public, max-age=60')
      outgoing.end()
    })
    const routes = [routeTo(upstream.url, { path: '/s/*', auth: 'session' }), routeTo(upstream.url, { path: '/n/*' })]
    const { url } = await startProxy(t, { routes })
    const control = async (path: string) => (await ask(url, path, { headers: { cookie } })).headers['cache-control']
    assert.equal(await control('/s/x'), 'no-store')
    assert.equal(await control('/s/public'), 'public, max-age=60')
    assert.equal(await control('/n/x'), undefined)
  })

  it('is a redirect when the service redirects: it is not followed', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    )
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { status, headers } = await ask(url, '/api/x')
    assert.deepEqual([status, headers.location], [302, 'http://169.254.169.254/'])
  })

  it('says how long it would be to HEAD, and nothing else', async (t) => {
    const upstream = await startUpstream(t, (incoming, outgoing) => {
      if (incoming.url === '/304') outgoing.writeHead(304, { etag: '"1"' }).end()
      else if (incoming.url === '/204') outgoing.writeHead(204).end()
      else outgoing.setHeader('content-length', 1_234).end()
    })
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*', methods: ['GET'] })] })
    const head = await ask(url, '/api/x', { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '1234', ''])
    const notModified = await ask(url, '/api/304')
    assert.deepEqual(
      [notModified.status, notModified.headers.etag, notModified.headers['content-length']],
      [304, '"1"', undefined],
    )
    assert.equal((await ask(url, '/api/204')).status, 204)
  })
})
