import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { verifyJwt } from '@rekey/verifier'
import { admin, agent, basic, type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('the token endpoint', () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  async function verified(token: string) {
    const jwks = (await idp.call('/.well-known/jwks.json')).body
    return verifyJwt(token, { jwks, issuer: idp.url, audience: 'urn:rekey:api', algorithms: ['ES256'] })
  }

  test('signs an at+jwt that verifies by the published keys', async () => {
    const reply = await idp.token(agent)
    assert.equal(reply.status, 200)
    assert.equal(reply.body.token_type, 'Bearer')
    assert.equal(reply.body.expires_in, 3600)
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    const { header, payload } = await verified(reply.body.access_token)
    assert.equal(header.typ, 'at+jwt')
    assert.equal(header.alg, 'ES256')
    assert.equal(payload.sub, agent.clientId)
    assert.equal(payload.client_id, agent.clientId)
    assert.equal(payload.organization_id, 'default')
    assert.equal(payload.scope, 'reports:read reports:write')
    assert.equal(Number(payload.exp) - Number(payload.iat), 3600)
    assert.match(String(payload.jti), /^[0-9a-f-]{36}$/)
  })

  test('takes the credential from the form as well', async () => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: agent.clientId,
      client_secret: agent.clientSecret,
    })
    assert.equal((await idp.call('/api/v1/token', { method: 'POST', body })).status, 200)
    assert.equal((await idp.call('/v1/token', { method: 'POST', body })).status, 200, 'also without /api')
  })

  test('gives every scope that does not administer when none is asked for, and what is asked for otherwise', async () => {
    assert.equal((await idp.token(agent)).body.scope, 'reports:read reports:write')
    assert.equal((await idp.token(agent, { scope: 'reports:read' })).body.scope, 'reports:read')
    const none = await idp.token(admin)
    assert.equal(none.status, 200)
    assert.equal('scope' in none.body, false)
    assert.equal(none.body.access_token.split('.').length, 3)
  })

  test('gives management scopes only by name, in an opaque token', async () => {
    const one = await idp.token(admin, { scope: 'keyrings:read' })
    assert.equal(one.body.scope, 'keyrings:read')
    assert.match(one.body.access_token, /^rkt_[\w-]{43}$/)
    const all = await idp.token(admin, { scope: 'management' })
    assert.equal(all.body.scope.split(' ').length, 13)
    const stored = await estate.db.selectFrom('opaque_tokens').selectAll().execute()
    assert.equal(JSON.stringify(stored).includes(one.body.access_token), false, 'stored as a hash only')
  })

  const refusals: [string, () => RequestInit & { query?: string }, number, string][] = [
    ['no body at all', () => ({ headers: { authorization: basic(agent) } }), 400, 'invalid_request'],
    ['JSON', () => json({ grant_type: 'client_credentials' }), 400, 'invalid_request'],
    ['no grant_type', () => form({ scope: 'x' }), 400, 'invalid_request'],
    ['another grant', () => form({ grant_type: 'password' }), 400, 'unsupported_grant_type'],
    [
      'a parameter twice',
      () => form('grant_type=client_credentials&grant_type=client_credentials'),
      400,
      'invalid_request',
    ],
    ['a scope it may not have', () => form({ ...cc, scope: 'agents:write' }), 400, 'invalid_scope'],
    ['management without any', () => form({ ...cc, scope: 'management' }), 400, 'invalid_scope'],
    ['a malformed scope', () => form({ ...cc, scope: 'a  b' }), 400, 'invalid_scope'],
    ['no credential', () => form(cc, ''), 401, 'invalid_client'],
    ['a wrong secret', () => form(cc, basic({ ...agent, clientSecret: 'sk_live_wrong' })), 401, 'invalid_client'],
    ['an unknown client', () => form(cc, basic({ ...agent, clientId: 'nobody' })), 401, 'invalid_client'],
    ['a Bearer credential', () => form(cc, 'Bearer abc'), 401, 'invalid_client'],
    ['Basic that is no base64', () => form(cc, 'Basic ###'), 401, 'invalid_client'],
    ['Basic with a broken escape', () => form(cc, `Basic ${btoa('agent-1:%zz')}`), 401, 'invalid_client'],
    ['both ways at once', () => form({ ...cc, client_secret: 'x' }), 400, 'invalid_request'],
    ['another client_id beside Basic', () => form({ ...cc, client_id: 'other' }), 400, 'invalid_request'],
    ['20 kB of form', () => form({ ...cc, scope: 'x'.repeat(20_000) }), 413, 'invalid_request'],
  ]
  const cc = { grant_type: 'client_credentials' }

  function form(fields: Record<string, string> | string, authorization = basic(agent)): RequestInit {
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
    if (authorization) headers.authorization = authorization
    return { headers, body: new URLSearchParams(fields).toString() }
  }

  function json(body: unknown): RequestInit {
    return {
      headers: { authorization: basic(agent), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }
  }

  for (const [what, request, status, error] of refusals) {
    test(`refuses ${what} as ${error}`, async () => {
      const reply = await idp.call('/api/v1/token', { method: 'POST', ...request() })
      assert.deepEqual([reply.status, reply.body.error], [status, error])
      assert.equal(reply.headers.get('cache-control'), 'no-store')
      if (status === 401) assert.match(reply.headers.get('www-authenticate') ?? '', /^Basic/)
    })
  }

  test('answers a wrong method with 405 and the right one', async () => {
    const reply = await idp.call('/api/v1/token')
    assert.equal(reply.status, 405)
    assert.equal(reply.headers.get('allow'), 'POST')
  })

  test('counts tokens instead of logging them, and logs no secret', async () => {
    const lines = idp.lines.length
    const { access_token: token } = (await idp.token(agent)).body
    assert.equal(idp.lines.length, lines)
    await idp.call(`/nowhere?access_token=${token}`, { headers: { authorization: `Bearer ${token}` } })
    const log = idp.lines.join('')
    assert.match(log, /NOT_FOUND/)
    for (const secret of [token, agent.clientSecret, admin.clientSecret]) assert.equal(log.includes(secret), false)
    const metrics = (await idp.call('/metrics')).body
    assert.match(metrics, /rekey_tokens_issued_total\{form="jwt"\} [1-9]/)
  })
})
