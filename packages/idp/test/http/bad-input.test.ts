import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { readRootKey, sealerFor } from '@rekey/database'
import { recordOf } from '../../src/signing/make.ts'
import { agent, decodeUnverified, type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('what comes in from outside', { timeout: 30_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  async function json(text: string, type = 'application/json') {
    const headers = { authorization: `Bearer ${await idp.management()}`, 'content-type': type }
    return idp.call('/api/v1/agents', { method: 'POST', headers, body: text })
  }

  test('is refused with a stable code when it is malformed', async () => {
    const cases: [string, string | undefined, number, string][] = [
      ['{"name":', undefined, 400, 'INVALID_JSON'],
      ['', undefined, 400, 'INVALID_JSON'],
      ['{"__proto__":{"x":1}}', undefined, 400, 'INVALID_JSON'],
      ['<xml/>', 'application/xml', 415, 'UNSUPPORTED_MEDIA_TYPE'],
      ['plain', 'text/plain', 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [`{"name":"${'x'.repeat(300_000)}"}`, undefined, 413, 'PAYLOAD_TOO_LARGE'],
    ]
    for (const [text, type, status, code] of cases) {
      const reply = await json(text, type)
      assert.deepEqual([reply.status, reply.body.code], [status, code], text.slice(0, 40))
      assert.match(reply.body.correlation_id, /^[0-9a-f-]{36}$/)
    }
  })

  test('is refused where the database could not store it', async () => {
    const authorization = `Basic ${btoa('a%00b:secret')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    const token = await idp.call('/api/v1/token', { method: 'POST', headers: { authorization }, body })
    assert.deepEqual([token.status, token.body.error], [401, 'invalid_client'])
    body.set('client_id', 'a\u0000b')
    body.set('client_secret', 'x')
    assert.equal((await idp.call('/api/v1/token', { method: 'POST', body })).status, 401)
    assert.equal((await idp.call('/trust/feed', { headers: { authorization } })).status, 401)
    for (const path of [
      '/api/v1/keyrings/a%00b',
      '/api/v1/agents/a%00b',
      '/api/v1/keyrings/%zz',
      `/api/v1/agents/${'a'.repeat(5_000)}`,
    ]) {
      const reply = await idp.manage('GET', path)
      assert.deepEqual(
        [reply.status >= 400 && reply.status < 500, reply.body.code],
        [true, 'INVALID_REQUEST'],
        path.slice(0, 40),
      )
      assert.match(reply.body.correlation_id, /./)
    }
    for (const name of ['a\u0000b', 'a\ud800b']) {
      assert.equal((await idp.manage('POST', '/api/v1/agents', { name })).body.code, 'INVALID_REQUEST')
      assert.equal((await idp.manage('POST', '/api/v1/keyrings/signing-es256/rotate', { reason: name })).status, 400)
    }
  })

  test('is refused where there is nothing, and where the method is wrong', async () => {
    assert.deepEqual([(await idp.call('/nothing')).status, (await idp.call('/nothing')).body.code], [404, 'NOT_FOUND'])
    const reply = await idp.call('/api/v1/agents/x', { method: 'PUT' })
    assert.deepEqual(
      [reply.status, reply.body.code, reply.headers.get('allow')],
      [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD, PATCH, DELETE'],
    )
  })

  test('keeps a caller’s correlation id when it is one', async () => {
    const headers = { 'x-correlation-id': 'order-66' }
    assert.equal((await idp.call('/nothing', { headers })).body.correlation_id, 'order-66')
    const hostile = { 'x-correlation-id': 'a b"<script>' }
    assert.match((await idp.call('/nothing', { headers: hostile })).body.correlation_id, /^[0-9a-f-]{36}$/)
  })

  test('opens nothing with a token forged by a stolen signing key', async () => {
    const [row] = await estate.db
      .selectFrom('keyrings')
      .select('document')
      .where('name', '=', 'signing-es256')
      .execute()
    const versions = row?.document.versions as { id: string; state: string; sealedPrivate: string }[]
    const active = versions.find((version) => version.state === 'active')
    assert.ok(active)
    const sealer = sealerFor(await readRootKey('env:ROOT', { ROOT: '07'.repeat(32) }))
    const stolen = createPrivateKey({
      key: sealer.open(recordOf('signing-es256', active.id), active.sealedPrivate),
      format: 'der',
      type: 'pkcs8',
    })
    const genuine = decodeUnverified((await idp.token(agent)).body.access_token)
    const scope = 'agents:read agents:write keyrings:read keyrings:write admin.api dcr.admin'
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode(genuine.header)}.${encode({ ...genuine.payload, sub: 'admin-1', client_id: 'admin-1', scope })}`
    const signature = sign('sha256', Buffer.from(input), { key: stolen, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    )
    const forged = `${input}.${signature}`
    const before = (await idp.manage('GET', '/api/v1/keyrings')).body
    const attempts: [string, string, unknown?][] = [
      ['GET', '/api/v1/keyrings'],
      ['GET', '/api/v1/verifiers'],
      ['GET', '/api/v1/instances'],
      ['GET', '/api/v1/agents/agent-1'],
      ['POST', '/api/v1/keyrings/signing-es256/rotate'],
      ['POST', '/api/v1/keyrings/signing-es256/prepare'],
      ['POST', '/api/v1/keyrings/signing-es256/rollback'],
      ['POST', '/api/v1/keyrings/signing-es256/discard', { id: active.id }],
      ['POST', '/api/v1/keyrings/signing-es256/revoke', { id: active.id, reason: 'sabotage' }],
      ['POST', '/api/v1/agents', { name: 'x' }],
      ['GET', '/api/v1/agents'],
      ['PATCH', '/api/v1/agents/agent-1', { scopes: ['admin.api'] }],
      ['POST', '/api/v1/agents/agent-1/suspend'],
      ['POST', '/api/v1/agents/agent-1/reactivate'],
      ['POST', '/api/v1/agents/agent-1/decommission'],
      ['DELETE', '/api/v1/agents/agent-1'],
      ['POST', '/api/v1/agents/agent-1/credentials', {}],
      ['POST', '/api/v1/verifiers', { name: 'x' }],
      ['GET', '/api/v1/issuance'],
      ['PUT', '/api/v1/issuance', { keyring: 'signing-rs256', force: true }],
      ['DELETE', '/api/v1/verifiers/api/x'],
      ['GET', '/trust/feed'],
      ['POST', '/trust/lease', { instance: 'x', epoch: 1, n: 1 }],
      ['DELETE', '/trust/lease', { instance: 'x' }],
    ]
    for (const [method, path, body] of attempts) {
      const reply = await idp.manage(method, path, body, forged)
      assert.deepEqual([reply.status, reply.body.code], [401, 'UNAUTHENTICATED'], `${method} ${path}`)
    }
    assert.deepEqual((await idp.manage('GET', '/api/v1/keyrings')).body, before)
  })
})
