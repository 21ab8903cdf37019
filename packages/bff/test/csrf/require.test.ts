import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import formbody from '@fastify/formbody'
import fastify, { type LightMyRequestResponse } from 'fastify'
import { issueCsrf, requireCsrf } from '../../src/csrf/require.ts'
import { newMetrics } from '../../src/operations/metrics.ts'
import { csrfKeyring } from './keyring.ts'

const own = 'https://bff.example'
const session = {
  id: 'session-1',
  sub: 'ada',
  claims: { iss: 'https://idp.example', sub: 'ada' },
  accessToken: 'at',
  expiresAt: 0,
}

async function setUp(origins: string[] = []) {
  const { versions, keyrings } = csrfKeyring('v1')
  const bff = { keyrings, metrics: newMetrics(), config: { publicUrl: own, cors: { origins } } }
  const app = fastify()
  await app.register(formbody)
  app.decorateRequest('session')
  app.addHook('onRequest', async (request) => {
    request.session = session
  })
  app.setErrorHandler((error: { code?: string; facts?: { reason?: string } }, _request, reply) =>
    reply.code(error.code === 'CSRF_REFUSED' ? 403 : 500).send({ code: error.code, reason: error.facts?.reason }),
  )
  app.route({
    method: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/thing',
    preHandler: requireCsrf(bff),
    handler: async () => 'done',
  })
  const send = (
    headers: Record<string, string>,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS' = 'POST',
  ) => app.inject({ method, url: '/thing', headers })
  const counted = async (reason: string) => {
    const { values } = await bff.metrics.csrfViolations.get()
    return values.find(({ labels }) => labels.reason === reason)?.value ?? 0
  }
  return { app, bff, versions, send, counted, token: issueCsrf(bff, session) }
}

function assertRefused(reply: LightMyRequestResponse, reason: string) {
  assert.equal(reply.statusCode, 403)
  assert.deepEqual(reply.json(), { code: 'CSRF_REFUSED', reason })
}

describe('requests of a session that change something', () => {
  it('need a token, whichever method they have', async () => {
    const { send, counted, token } = await setUp()
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const
    for (const method of methods) {
      assertRefused(await send({}, method), 'missing')
      assert.equal((await send({ 'x-csrf-token': token }, method)).statusCode, 200)
    }
    assert.equal(await counted('missing'), methods.length)
  })

  it('need none when they only read', async () => {
    const { send } = await setUp()
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) assert.equal((await send({}, method)).statusCode, 200)
  })

  it('are refused by anything that is no token, and the reasons are counted apart', async () => {
    const { send, counted, token } = await setUp()
    const wrong = [
      'x',
      'a.b',
      'v1..',
      `${token}=`,
      `${token}a`,
      token.slice(1 + token.indexOf('.')),
      `v1.${'a'.repeat(5_000)}.b`,
    ]
    for (const text of wrong) assertRefused(await send({ 'x-csrf-token': text }), 'malformed')
    assert.equal(await counted('malformed'), wrong.length)
    assert.equal(await counted('missing'), 0)
  })

  it('are refused by the token of another session, and by one in which a letter differs', async () => {
    const { bff, send, token } = await setUp()
    assertRefused(await send({ 'x-csrf-token': issueCsrf(bff, { id: 'session-2' }) }), 'invalid')
    const [version, random = '', mac = ''] = token.split('.')
    const other = random.startsWith('A') ? `B${random.slice(1)}` : `A${random.slice(1)}`
    assertRefused(await send({ 'x-csrf-token': `${version}.${other}.${mac}` }), 'invalid')
    assertRefused(await send({ 'x-csrf-token': `${version}.${random}.${'A'.repeat(43)}` }), 'invalid')
  })

  it('may send it as a field of a form', async () => {
    const { app, token } = await setUp()
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const post = (payload: string, headers: Record<string, string> = form) =>
      app.inject({ method: 'POST', url: '/thing', headers, payload })
    assert.equal((await post(`csrf_token=${token}`)).statusCode, 200)
    assertRefused(await post('a=b'), 'missing')
    assertRefused(await post(`csrf_token=${token}&csrf_token=${token}`), 'missing')
    assertRefused(await post(JSON.stringify({ csrf_token: token }), { 'content-type': 'application/json' }), 'missing')
  })
})

describe('a rotation of the keyring csrf', () => {
  it('refuses no token that a retiring version made', async () => {
    const { bff, versions, send, token } = await setUp()
    versions.unshift('given-0123456789abcdef')
    assert.equal((await send({ 'x-csrf-token': token })).statusCode, 200)
    const next = issueCsrf(bff, session)
    assert.ok(next.startsWith('given-0123456789abcdef.'))
    assert.equal((await send({ 'x-csrf-token': next })).statusCode, 200)
  })

  it('refuses as stale what a version made that is not accepted any more', async () => {
    const { versions, send, counted, token } = await setUp()
    versions.splice(0, 1, 'v2')
    assertRefused(await send({ 'x-csrf-token': token }), 'stale')
    assertRefused(await send({ 'x-csrf-token': token.replace('v1', 'v9') }), 'stale')
    assert.equal(await counted('stale'), 2)
  })
})

describe('what the browser says about where a request comes from', () => {
  it('refuses pages of others although they have the token', async () => {
    const { send, counted, token } = await setUp()
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      { origin: 'https://bff.example.evil.example' },
      { origin: 'http://bff.example' },
      { origin: 'https://bff.example:8443' },
      { origin: 'null' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of foreign) assertRefused(await send({ 'x-csrf-token': token, ...headers }), 'origin')
    assert.equal(await counted('origin'), foreign.length)
  })

  it('lets pages of its own through, and those of origins that are configured', async () => {
    const { send, token } = await setUp(['https://app.example'])
    const ours: Record<string, string>[] = [
      { origin: own, 'sec-fetch-site': 'same-origin' },
      { origin: own },
      { 'sec-fetch-site': 'none' },
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
      { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
      {},
    ]
    for (const headers of ours) assert.equal((await send({ 'x-csrf-token': token, ...headers })).statusCode, 200)
  })

  it('takes the place of no token', async () => {
    const { send } = await setUp(['https://app.example'])
    assertRefused(await send({ origin: own, 'sec-fetch-site': 'same-origin' }), 'missing')
    assertRefused(await send({ origin: 'https://app.example' }), 'missing')
  })
})
