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

  it('is kept by no shared cache when a session asked, unless the service says that it is for everybody', async (t) => {
    const upstream = await startUpstream(t, (incoming, outgoing) => {
      const said = decodeURIComponent(incoming.url?.slice(1) ?? '')
      if (said !== 'x') outgoing.setHeader('cache-control', said.split('+'))
      outgoing.setHeader('surrogate-control', 'max-age=60').setHeader('cdn-cache-control', 'max-age=60').end()
    })
    const routes = [routeTo(upstream.url, { path: '/s/*', auth: 'session' }), routeTo(upstream.url, { path: '/n/*' })]
    const { url } = await startProxy(t, { routes })
    const control = async (path: string, more = '; newest') => {
      const { headers } = await ask(url, path, { headers: { cookie: `${cookie}${more}` } })
      return [headers['cache-control'], headers['surrogate-control'] ?? headers['cdn-cache-control']]
    }
    assert.deepEqual(await control('/s/x'), ['no-store', undefined])
    assert.deepEqual(await control('/s/max-age=60'), ['private, max-age=60', undefined])
    assert.deepEqual(await control('/s/must-revalidate+max-age=60'), [
      'private, must-revalidate, max-age=60',
      undefined,
    ])
    for (const whose of ['public, max-age=60', 'no-store', 'private', 'max-age=60, Private', 's-maxage=60']) {
      assert.deepEqual(await control(`/s/${encodeURIComponent(whose)}`), [whose, undefined])
    }
    const aboutOneHeader = 'private="set-cookie", max-age=60'
    assert.deepEqual(await control(`/s/${encodeURIComponent(aboutOneHeader)}`), [
      `private, ${aboutOneHeader}`,
      undefined,
    ])
    assert.deepEqual(await control('/n/x'), [undefined, 'max-age=60'])
    assert.deepEqual(await control('/n/max-age=60'), ['max-age=60', 'max-age=60'])
  })

  it('is kept by no cache with the cookie of a session in it, whatever the service says', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.setHeader('cache-control', 'public, max-age=60').end(),
    )
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/s/*', auth: 'session' })] })
    const { headers } = await ask(url, '/s/x', { headers: { cookie } })
    assert.deepEqual(headers['set-cookie'], ['bff_session=ada; HttpOnly'])
    assert.equal(headers['cache-control'], 'no-store')
  })

  it('varies by the origin that asked, whatever else it varies by', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.setHeader('vary', ['Accept-Encoding', 'origin, Accept']).end(),
    )
    const app = 'https://app.example'
    const routes = [routeTo(upstream.url, { path: '/n/*' })]
    const { url } = await startProxy(t, { routes, origins: [app, 'https://other.example'] })
    const { headers } = await ask(url, '/n/x', { headers: { origin: app } })
    assert.equal(headers['access-control-allow-origin'], app)
    assert.equal(headers.vary?.toLowerCase(), 'origin, accept-encoding, accept')
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
