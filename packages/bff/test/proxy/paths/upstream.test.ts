import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Route } from '../../../src/config/files/route.ts'
import { upstreamPathOf } from '../../../src/proxy/paths/upstream.ts'
import { routeTo } from '../estate.ts'

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
