import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { type TestPdp, testPdp } from './decision-point.ts'
import { bearer, decidedRoutes, session } from './routes.ts'

const routes = `routes:
  - {path: "/orders/:id", target_service: http://localhost, methods: [GET, POST], authz: pdp}
  - {path: "/orders", target_service: http://localhost, methods: [GET, HEAD], authz: pdp}
  - {path: "/all/**", target_service: http://localhost, methods: [GET, POST, DELETE], authz: pdp, auth: bearer}
  - path: /own/{name}
    target_service: http://localhost
    methods: [GET, DELETE]
    authz: pdp
    authz_map:
      GET: {resource: thing, action: read, id_from: path:name, props: {kind: query:kind, fixed: yes it is}}
      "*": [{resource: thing, action: delete, id_from: path:name}, {resource: bin, action: fill}]
`
const pdp = ({ url }: TestPdp, more = '') => `connection: {base_url: "${url}"${more}}
retry: {attempts: 2, backoff: 10ms}
circuit_breaker: {enabled: false}
endpoint_map:
  /orders: {GET: {resource: order, action: list}}
  /orders/{id}:
    GET: {resource: order, action: read, id_from: path:id}
    POST: {resource: order, action: write, id_from: "body:order.id", props: {amount: body:amount}}
  /all/known/:id: {GET: {resource: all, action: read, id_from: path:id}}
`

describe('a decision about a request', () => {
  test('is asked for with who, what, and in which way', async (t) => {
    const point = await testPdp(t)
    const { call, count } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('GET', '/orders/o%201?x=y')).status, 200)
    assert.deepEqual(point.asked, [
      {
        path: '/access/v1/evaluation',
        authorization: undefined,
        body: {
          subject: { type: 'user', id: 'u-1', properties: { issuer: 'https://idp.example.com', roles: ['a', 'b'] } },
          resource: { type: 'order', id: 'o 1' },
          action: { name: 'read' },
          context: { method: 'GET', path: '/orders/o%201' },
        },
      },
    ])
    assert.equal(await count({ resource: 'order', action: 'read', decision: 'allow' }), 1)
  })

  test('about a bearer token names its roles, permissions and scopes, and never the token', async (t) => {
    const point = await testPdp(t)
    const { call } = await decidedRoutes(t, { pdp: pdp(point), routes })
    await call('GET', '/all/known/1')
    assert.deepEqual(point.asked[0]?.body.subject, {
      type: 'user',
      id: 'u-2',
      properties: {
        issuer: 'https://idp.example.com',
        client_id: 'c-1',
        roles: ['admin'],
        permissions: ['write'],
        scopes: ['orders'],
      },
    })
    assert.ok(!JSON.stringify(point.asked).includes(bearer.token))
  })

  test('that is no is 403, and nothing reaches the service', async (t) => {
    const point = await testPdp(t)
    point.answer(() => ({ body: { decision: false } }))
    const { call, count, reached } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.deepEqual(await call('GET', '/orders/1'), { status: 403, code: 'FORBIDDEN', retryAfter: undefined })
    assert.equal(reached(), 0)
    assert.equal(await count({ resource: 'order', action: 'read', decision: 'deny' }), 1)
  })

  test('takes the id and properties from path, query and body, and all of a type where no id is named', async (t) => {
    const point = await testPdp(t)
    const { call, needsBody } = await decidedRoutes(t, { pdp: pdp(point), routes })
    await call('POST', '/orders/9', { order: { id: 7 }, amount: 12.5 }, 'application/vnd.orders+json; charset=UTF-8')
    await call('GET', '/own/x?kind=big&other=1')
    await call('HEAD', '/orders')
    await call('GET', '/orders')
    const resources = point.asked.map(({ body }) => body.resource)
    assert.deepEqual(resources, [
      { type: 'order', id: '7', properties: { amount: 12.5 } },
      { type: 'thing', id: 'x', properties: { kind: 'big', fixed: 'yes it is' } },
      { type: 'order', id: '*' },
    ])
    const { action, context } = point.asked.at(-1)?.body ?? {}
    assert.deepEqual([action, context], [{ name: 'list' }, { method: 'GET', path: '/orders' }])
    assert.deepEqual(needsBody, [true, true, true, false])
  })

  test('about several things at once is asked for in one go, and must be yes for all of them', async (t) => {
    const point = await testPdp(t)
    point.answer(() => ({ body: { evaluations: [{ decision: true }, { decision: false }] } }))
    const { call, count } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('DELETE', '/own/x')).status, 403)
    const [asked] = point.asked
    assert.equal(asked?.path, '/access/v1/evaluations')
    assert.deepEqual(asked.body.evaluations, [
      { resource: { type: 'thing', id: 'x' }, action: { name: 'delete' } },
      { resource: { type: 'bin', id: '*' }, action: { name: 'fill' } },
    ])
    assert.equal(await count({ decision: 'deny' }), 2)
    point.answer(() => ({ body: { evaluations: [{ decision: true }, { decision: true }] } }))
    assert.equal((await call('DELETE', '/own/y')).status, 200)
  })

  test('is never yes when the request does not say what it means, or says it twice', async (t) => {
    const point = await testPdp(t)
    const { call, reached } = await decidedRoutes(t, { pdp: pdp(point), routes })
    const refused = [
      await call('POST', '/orders/1', {}),
      await call('POST', '/orders/1'),
      await call('POST', '/orders/1', { order: { id: '' } }),
      await call('POST', '/orders/1', { order: { id: ['1'] } }),
      await call('POST', '/orders/1', '{"order":{"id":1},"amount":1,"order":{"id":2}}'),
      await call('POST', '/orders/1', '{"order":{"id":1,"\\u0069d":2}}'),
      await call('POST', '/orders/1', 'order.id=1'),
      await call('POST', '/orders/1', '{"order":{"id":1},"x":"&order[id]=2&"}', 'application/x-www-form-urlencoded'),
      await call('POST', '/orders/1', { order: { id: 1 } }, 'application/json; charset=utf-16'),
      await call('POST', '/orders/1', Buffer.from('{"order":{"id":"\xff"}}', 'latin1')),
      await call('POST', '/orders/1', '\uFEFF{"order":{"id":1}}'),
      await call('POST', '/orders/1', '{"order":{"id":1,"ID":2},"amount":1}'),
      await call('POST', '/orders/1', '{"order":{"id":1},"Order":{"id":2}}'),
      await call('POST', '/orders/1', '{"order":{"id":1},"ORDER.ID":2}'),
      await call('POST', '/orders/1', '{"order":{"id":1},"AMOUNT":2}'),
      await call('POST', '/orders/1', '{"order":{"id":9007199254740993}}'),
      await call('GET', '/own/x?kind=a&kind=b'),
      await call('GET', '/own/x?kind=a&KIND=b'),
      await call('GET', '/own/x?kind=a&Kind[]=b'),
      // The Kelvin sign, whose small letter is k.
      await call('GET', '/own/x?%E2%84%AAind=b'),
    ]
    for (const [i, { status }] of refused.entries()) assert.equal(status, 400, String(i))
    assert.deepEqual([reached(), point.asked.length], [0, 0])
  })

  test('hangs on no body that takes long to read', async (t) => {
    const point = await testPdp(t)
    const { call, reached } = await decidedRoutes(t, { pdp: pdp(point), routes })
    const order = (bytes: number) => ({ order: { id: 7 }, note: 'x'.repeat(bytes) })
    assert.equal((await call('POST', '/orders/1', order(1_000_000))).status, 200)
    const { status, code } = await call('POST', '/orders/1', order(1_100_000))
    assert.deepEqual([status, code, reached()], [413, 'PAYLOAD_TOO_LARGE', 1])
  })

  test('about a path that nobody mapped is no', async (t) => {
    const point = await testPdp(t)
    const { call, count } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('GET', '/all/unknown/1')).status, 403)
    assert.equal((await call('POST', '/all/known/1', {})).status, 403)
    assert.equal(point.asked.length, 0)
    assert.equal(await count({ resource: 'unmapped', decision: 'deny' }), 2)
  })

  test('is asked for a path that says less than its mapping in letters and slashes', async (t) => {
    const point = await testPdp(t)
    const { call } = await decidedRoutes(t, { pdp: pdp(point), routes })
    await call('GET', '/all/KNOWN/Ab/')
    assert.deepEqual(point.asked[0]?.body.resource, { type: 'all', id: 'Ab' })
  })
})

describe('a decision point that', () => {
  const faults = {
    'is broken': () => 'break' as const,
    hangs: () => 'hang' as const,
    'answers 500': () => ({ status: 500, body: { decision: true } }),
    'answers 400': () => ({ status: 400, body: { decision: true } }),
    'answers 401': () => ({ status: 401, body: { decision: true } }),
    'answers 204': () => ({ status: 204 }),
    'leads elsewhere': () => ({ status: 307, body: { decision: true } }),
    'talks nonsense': () => ({ body: '<html>' }),
    'says yes in words': () => ({ body: { decision: 'true' } }),
    'says nothing': () => ({ body: {} }),
    'answers one question in a list': () => ({ body: [{ decision: true }] }),
  }
  for (const [what, answer] of Object.entries(faults)) {
    test(`${what} allows nothing: 503`, async (t) => {
      const point = await testPdp(t)
      point.answer(answer)
      const { call, count, reached } = await decidedRoutes(t, { pdp: pdp(point, ', timeout: 200ms'), routes })
      assert.deepEqual(await call('GET', '/orders/1'), { status: 503, code: 'PDP_UNAVAILABLE', retryAfter: '1' })
      assert.equal(reached(), 0)
      assert.equal(await count({ resource: 'order', action: 'read', decision: 'unavailable' }), 1)
    })
  }

  test('does not answer every question of several allows nothing', async (t) => {
    const point = await testPdp(t)
    point.answer(() => ({ body: { evaluations: [{ decision: true }] } }))
    const { call } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('DELETE', '/own/x')).status, 503)
  })

  test('is not there allows nothing', async (t) => {
    const point = await testPdp(t)
    await point.close()
    const { call } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('GET', '/orders/1')).status, 503)
  })

  test('fails once is asked again', async (t) => {
    const point = await testPdp(t)
    point.answer(() => (point.asked.length === 1 ? { status: 503 } : { body: { decision: true } }))
    const { call } = await decidedRoutes(t, { pdp: pdp(point), routes })
    assert.equal((await call('GET', '/orders/1')).status, 200)
  })

  test('goes on failing is left alone for a while, and then asked again', async (t) => {
    const point = await testPdp(t)
    point.answer(() => ({ status: 500 }))
    const text = pdp(point)
      .replace('{enabled: false}', '{failures: 3, recovery: 1s}')
      .replace('attempts: 2', 'attempts: 1')
    const { call } = await decidedRoutes(t, { pdp: text, routes })
    for (let i = 0; i < 10; i++) assert.equal((await call('GET', `/orders/${i}`)).status, 503)
    assert.equal(point.asked.length, 3)
    point.answer(() => ({ body: { decision: true } }))
    assert.equal((await call('GET', '/orders/1')).status, 503)
    await eventually(
      () => call('GET', '/orders/1'),
      ({ status }) => status === 200,
    )
  })

  test('finds fault with one question is not left alone for that', async (t) => {
    const point = await testPdp(t)
    point.answer(({ body }) =>
      (body.resource as { id: string }).id === 'odd' ? { status: 400 } : { body: { decision: true } },
    )
    const text = pdp(point).replace('{enabled: false}', '{failures: 2}')
    const { call } = await decidedRoutes(t, { pdp: text, routes })
    for (let i = 0; i < 6; i++) assert.equal((await call('GET', '/orders/odd')).status, 503)
    assert.equal((await call('GET', '/orders/1')).status, 200)
  })
})

describe('a decision that was kept', () => {
  const kept = (point: TestPdp) => `${pdp(point)}cache: {ttl_allow: 20, ttl_deny: 10}\n`

  test('is good for as long as was set, an allowing one longer than a denying one', async (t) => {
    const point = await testPdp(t)
    point.answer(({ body }) => ({ body: { decision: (body.resource as { id: string }).id === 'good' } }))
    const start = Date.now()
    let now = start
    const { call } = await decidedRoutes(t, { pdp: kept(point), routes }, { clock: () => now })
    const asks = async (id: string) => {
      const before = point.asked.length
      await call('GET', `/orders/${id}`)
      return point.asked.length - before
    }
    assert.deepEqual([await asks('good'), await asks('bad')], [1, 1])
    now = start + 9_999
    assert.deepEqual([await asks('good'), await asks('bad')], [0, 0])
    now = start + 10_000
    assert.deepEqual([await asks('good'), await asks('bad')], [0, 1])
    now = start + 20_000
    assert.deepEqual([await asks('good'), await asks('bad')], [1, 1])
    now = start - 1
    assert.deepEqual([await asks('good'), await asks('bad')], [1, 1])
  })

  test('is about that question of that session alone', async (t) => {
    const point = await testPdp(t)
    const who = { session, bearer }
    const { call } = await decidedRoutes(t, { pdp: kept(point), routes }, { who })
    await call('GET', '/orders/1')
    await call('GET', '/orders/1')
    assert.equal(point.asked.length, 1)
    await call('GET', '/orders/2')
    who.session = { ...session, id: 's-2' }
    await call('GET', '/orders/1')
    who.session = { ...session, claims: { ...session.claims, roles: ['c'] } }
    await call('GET', '/orders/1')
    assert.equal(point.asked.length, 4)
    await call('GET', '/all/known/1')
    who.bearer = { ...bearer, token: 'another' }
    await call('GET', '/all/known/1')
    assert.equal(point.asked.length, 6)
  })

  test('is not one that could not be made', async (t) => {
    const point = await testPdp(t)
    point.answer(() => ({ body: { decision: false, context: { error: { status: 500 } } } }))
    const { call } = await decidedRoutes(t, { pdp: kept(point), routes })
    assert.equal((await call('GET', '/orders/1')).status, 403)
    point.answer(() => 'break')
    assert.equal((await call('GET', '/orders/1')).status, 503)
    point.answer(() => ({ body: { decision: true } }))
    assert.equal((await call('GET', '/orders/1')).status, 200)
  })

  test('counts for one of several, and only the others are asked for', async (t) => {
    const point = await testPdp(t)
    point.answer(({ body }) => ({
      body: body.evaluations ? { evaluations: [{ decision: true }, { decision: true }] } : { decision: true },
    }))
    const { call } = await decidedRoutes(t, { pdp: kept(point), routes })
    await call('DELETE', '/own/x')
    await call('DELETE', '/own/x')
    assert.equal(point.asked.length, 1)
  })
})

describe('towards the decision point', () => {
  test('we are known by id and secret', async (t) => {
    const point = await testPdp(t)
    const { call } = await decidedRoutes(t, { pdp: pdp(point, ', client_id: "a:b", client_secret: "ü"'), routes })
    await call('GET', '/orders/1')
    const [asked] = point.asked
    assert.equal(Buffer.from(asked?.authorization?.slice(6) ?? '', 'base64').toString(), 'a%3Ab:%C3%BC')
  })

  const withToken = (point: TestPdp) =>
    pdp(point, `, client_id: c, client_secret: hunter2, token_url: "${point.url}/token", scope: decide`)

  test('we are known by a token, fetched once for all and again shortly before it ends', async (t) => {
    const point = await testPdp(t)
    const start = Date.now()
    let now = start
    const { call, count } = await decidedRoutes(t, { pdp: withToken(point), routes }, { clock: () => now })
    await Promise.all([call('GET', '/orders/1'), call('GET', '/orders/2'), call('GET', '/orders/3')])
    now = start + 3_569_999
    await call('GET', '/orders/4')
    assert.deepEqual(new Set(point.asked.map(({ authorization }) => authorization)), new Set(['Bearer token-1']))
    assert.deepEqual(point.tokens, [
      { authorization: `Basic ${btoa('c:hunter2')}`, form: { grant_type: 'client_credentials', scope: 'decide' } },
    ])
    now = start + 3_570_000
    await call('GET', '/orders/5')
    assert.equal(point.asked.at(-1)?.authorization, 'Bearer token-2')
    assert.equal(await count({ grant_type: 'client_credentials', status: '200' }, 'bff_token_exchange_total'), 2)
  })

  test('a token that is refused is replaced by another one', async (t) => {
    const point = await testPdp(t)
    point.answer(({ authorization }) =>
      authorization === 'Bearer token-1' ? { status: 401 } : { body: { decision: true } },
    )
    const { call } = await decidedRoutes(t, { pdp: withToken(point), routes })
    assert.equal((await call('GET', '/orders/1')).status, 200)
    assert.equal(point.tokens.length, 2)
  })

  test('nothing is allowed while there is no token, and no secret is logged', async (t) => {
    const point = await testPdp(t)
    point.issue(() => ({ status: 401, body: { error: 'invalid_client' } }))
    const { call, lines } = await decidedRoutes(t, { pdp: withToken(point), routes })
    assert.equal((await call('GET', '/orders/1')).status, 503)
    assert.equal(point.asked.length, 0)
    assert.ok(lines.join('').includes('no token (401)'))
    assert.ok(!lines.join('').includes('hunter2'))
  })
})
