import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Route } from '../../src/config/files/route.ts'
import { requirePlainTarget } from '../../src/proxy/paths/plain.ts'
import { upstreamPathOf } from '../../src/proxy/paths/upstream.ts'
import { ask, routeTo, startProxy, startUpstream } from './estate.ts'

const service = 'http://orders.internal:3000'
const pathOf = (given: Partial<Route> & { path: string }, target = service) => upstreamPathOf(routeTo(target, given))

describe('the path that a service sees', () => {
  it('is what the wildcard matched, below the path of its URL', () => {
    assert.equal(pathOf({ path: '/api/orders/*' })('/api/orders/7/lines'), '/7/lines')
    assert.equal(pathOf({ path: '/api/orders/*' }, `${service}/v2/`)('/api/orders/7'), '/v2/7')
    assert.equal(pathOf({ path: '/api/orders/*' })('/api/orders/'), '/')
    assert.equal(pathOf({ path: '/*' })('/a/b'), '/a/b')
  })

  it('is the path itself when that is exact', () => {
    assert.equal(pathOf({ path: '/api/orders' })('/api/orders'), '/api/orders')
    assert.equal(pathOf({ path: '/api/orders/:id' }, `${service}/v2`)('/api/orders/7'), '/v2/api/orders/7')
  })

  it('is upstream_path, followed by what the wildcard matched', () => {
    for (const upstreamPath of ['/v1/orders', '/v1/orders/', '/v1/orders/*', '/v1/orders/**']) {
      assert.equal(pathOf({ path: '/api/orders/*', upstreamPath })('/api/orders/7/lines'), '/v1/orders/7/lines')
    }
    assert.equal(pathOf({ path: '/api/orders/*', upstreamPath: '/' })('/api/orders/7'), '/7')
    assert.equal(pathOf({ path: '/api/me', upstreamPath: '/users/self' })('/api/me'), '/users/self')
    assert.equal(pathOf({ path: '/api/me', upstreamPath: '/' })('/api/me'), '/')
  })

  it('takes segments by their names, as they were encoded', () => {
    const given = { path: '/api/:tenant/orders/:id', upstreamPath: '/t/{tenant}/o/:id' }
    assert.equal(pathOf(given)('/api/a%20b/orders/%C3%A9'), '/t/a%20b/o/%C3%A9')
    assert.equal(pathOf({ path: '/api/:tenant/*', upstreamPath: '/:tenant/v1/*' })('/api/acme/x/y'), '/acme/v1/x/y')
  })

  it('is that of the browser when it is preserved', () => {
    assert.equal(pathOf({ path: '/api/orders/*', preservePath: true })('/api/orders/7'), '/api/orders/7')
    assert.equal(
      pathOf({ path: '/api/orders/*', preservePath: true }, `${service}/base`)('/api/orders/7'),
      '/base/api/orders/7',
    )
  })

  it('is a mistake of the configuration when it leads nowhere', () => {
    const wrong = [
      { path: '/api/me', upstreamPath: '/v1/*' },
      { path: '/api/*', upstreamPath: '/v1/*/x/*' },
      { path: '/api/*', upstreamPath: 'v1' },
      { path: '/api/:id', upstreamPath: '/v1/:other' },
      { path: '/api/*', upstreamPath: '/v1/../admin' },
      { path: '/api/*', upstreamPath: '/v1//x' },
      { path: '/api/*', upstreamPath: '/v1?a=b' },
    ]
    for (const given of wrong) assert.throws(() => pathOf(given), { code: 'CONFIG_INVALID' }, given.upstreamPath)
  })
})

describe('a path that can be read in two ways', () => {
  const crooked = [
    '/api/../admin',
    '/api/..',
    '/api/./x',
    '/api/%2e%2e/admin',
    '/api/.%2E/admin',
    '/api/%252e%252e/admin',
    '/api/%25252e%25252e/admin',
    '/api/..;/admin',
    '/api/..%3b/admin',
    '/api;x=y/admin',
    '/api//admin',
    '//evil.example/api',
    '/api/%2fadmin',
    '/api/a%2Fb',
    '/api/a%252Fb',
    '/api/\\admin',
    '/api/a%5cb',
    '/api/%00',
    '/api/%0d%0aX-Auth-Subject:%20eve',
    '/api/%c0%ae%c0%ae/admin',
    '/api/%zz',
    '/api/x#y',
    'http://evil.example/api/x',
    '*',
    '',
  ]
  for (const path of crooked) {
    it(`is refused: ${path || 'none'}`, () =>
      assert.throws(() => requirePlainTarget(path), { code: 'INVALID_REQUEST' }))
  }

  it('is not one with dots, percent signs and other letters that mean themselves', () => {
    const plain = [
      '/',
      '/api/',
      '/api/...',
      '/api/..x',
      '/api/x..',
      '/api/.well-known',
      '/api/100%25',
      '/api/%C3%A9%20',
      '/api/a:b@c,d',
    ]
    for (const path of plain) assert.doesNotThrow(() => requirePlainTarget(path), path)
  })

  it('reaches no service', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(`${upstream.url}/inside`, { path: '/api/*' })] })
    for (const path of crooked.filter((path) => path.startsWith('/') && !path.includes('#'))) {
      const { status } = await ask(url, path)
      assert.ok(status === 400 || status === 404, `${path}: ${status}`)
    }
    assert.equal(upstream.seen.length, 0)
    assert.equal((await ask(url, '/api/x')).status, 200)
    assert.equal(upstream.seen[0]?.url, '/inside/x')
  })
})

describe('a query', () => {
  it('reaches the service as it was', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const queries = ['?', '?a=1&a=2&b=%2F..%2f+%20&&c', '?url=http://x/../y;z', '?token=x', '']
    for (const query of queries) await ask(url, `/api/x${query}`)
    assert.deepEqual(
      upstream.seen.map((seen) => seen.url),
      queries.map((query) => `/x${query}`),
    )
  })
})
