import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mappingsOf, unmappedMethods } from '../../src/authz/mappings.ts'
import type { Endpoint } from '../../src/config/files/pdp.ts'
import type { Route } from '../../src/config/files/route.ts'
import type { AuthzTarget } from '../../src/config/files/targets.ts'

const target = (resource: string): AuthzTarget => ({ resource, action: 'do', idFrom: undefined, props: {} })

function endpoint(path: string, ...methods: string[]): Endpoint {
  return { path, methods: new Map(methods.map((method) => [method, [target(path)]])) }
}

const endpoints = [
  endpoint('/a/*', '*'),
  endpoint('/a/:id', 'GET', 'DELETE'),
  endpoint('/a/special', 'GET'),
  endpoint('/b', 'GET'),
]

test('the mapping that says most about a path is the one that counts', () => {
  const mappings = mappingsOf(endpoints)
  const found = (method: string, path: string) => mappings.find(method, path)?.targets[0]?.resource
  assert.equal(found('GET', '/a/special'), '/a/special')
  assert.equal(found('GET', '/a/Special/'), '/a/special')
  assert.equal(found('GET', '/a/%73pecial'), '/a/special')
  assert.equal(found('GET', '/a/1'), '/a/:id')
  assert.equal(found('GET', '/a/1/'), '/a/:id')
  assert.equal(found('POST', '/a/1'), '/a/*')
  assert.equal(found('GET', '/a/1/2'), '/a/*')
  assert.equal(found('HEAD', '/b'), '/b')
  assert.equal(found('POST', '/b'), undefined)
  assert.equal(found('TRACE', '/b'), undefined)
})

test('whatever stands for a parameter, however long, does not lead to a mapping that says less', () => {
  const mappings = mappingsOf([endpoint('/api/*', '*'), endpoint('/api/:tenant/orders/:id', 'GET')])
  for (const [tenant, id] of [
    ['a', '0'.repeat(10_000)],
    ['a'.repeat(101), '7'],
    ['İ', '7'],
    ['İİzmir', 'İStanbul'],
    ['ẞK', 'ﬁ'],
  ] as const) {
    const path = `/api/${encodeURIComponent(tenant)}/orders/${encodeURIComponent(id)}`
    for (const each of [path, path.replace('orders', 'ORDERS'), path.replace('%C4%B0', '%c4%b0')]) {
      const found = mappings.find('GET', each)
      assert.deepEqual([found?.targets[0]?.resource, found?.params], ['/api/:tenant/orders/:id', { tenant, id }], each)
    }
  }
})

test('a route about which nobody could be asked is found before anybody calls it', () => {
  const route = (path: string, methods: string[], authzMap?: Route['authzMap']) =>
    unmappedMethods({ path, methods, authzMap }, endpoints)
  assert.deepEqual(route('/a/:key', ['GET', 'HEAD', 'POST']), [])
  assert.deepEqual(route('/b', ['GET', 'POST']), ['POST'])
  assert.deepEqual(route('/c', ['GET']), ['GET'])
  assert.deepEqual(route('/a/*', ['GET']), [])
  assert.deepEqual(unmappedMethods({ path: '/c/*', methods: ['GET'], authzMap: undefined }, [endpoint('/b', 'GET')]), [
    'GET',
  ])
  assert.deepEqual(route('/c', ['GET', 'POST'], new Map([['GET', [target('x')]]])), ['POST'])
})
