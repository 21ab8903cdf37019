import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, routeTo, startProxy, startUpstream } from '../estate.ts'

const cookie = 'bff_session=ada'

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
