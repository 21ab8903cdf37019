import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requirePlainTarget } from '../../../src/proxy/paths/plain.ts'
import { ask, routeTo, startProxy, startUpstream } from '../estate.ts'

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
