import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { admin, agent, type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('agents', { timeout: 30_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('are created, get one credential, and use it', async () => {
    const description = {
      name: 'crawler',
      email: 'crawler@example.org',
      agentType: 'worker',
      version: '1.2.0',
      capabilities: ['read'],
    }
    const created = await idp.manage('POST', '/api/v1/agents', description)
    assert.equal(created.status, 201)
    assert.partialDeepStrictEqual(created.body, { ...description, organizationId: 'default', status: 'active' })
    const path = `/api/v1/agents/${created.body.agentId}`
    assert.deepEqual((await idp.manage('GET', path)).body, created.body)
    const { status, body } = await idp.manage('POST', `${path}/credentials`, { expiresAt: '2099-01-01T00:00:00Z' })
    assert.equal(status, 201)
    assert.match(body.clientSecret, /^sk_live_[0-9a-f]{64}$/)
    assert.deepEqual(
      [body.clientId, body.status, body.expiresAt],
      [created.body.agentId, 'active', '2099-01-01T00:00:00.000Z'],
    )
    assert.equal((await idp.token(body)).status, 200)
    const events = await estate.db
      .selectFrom('audit_events')
      .selectAll()
      .where('agent_id', '=', body.clientId)
      .execute()
    assert.deepEqual(events.map((event) => event.action).sort(), ['agent.created', 'credential.generated'])
    assert.equal(JSON.stringify(events).includes(body.clientSecret), false)
  })

  test('are created once by a request that is repeated with its Idempotency-Key', async () => {
    const headers = {
      authorization: `Bearer ${await idp.management()}`,
      'content-type': 'application/json',
      'idempotency-key': 'lost-reply',
    }
    const create = (name: string) =>
      idp.call('/api/v1/agents', { method: 'POST', headers, body: JSON.stringify({ name, organizationId: 'begun' }) })
    const first = await create('once')
    assert.equal(first.status, 201)
    assert.match(first.body.credential.clientSecret, /^sk_live_/)
    assert.equal(first.headers.get('cache-control'), 'no-store')
    assert.deepEqual((await create('once')).body, first.body)
    const other = await create('another')
    assert.deepEqual([other.status, other.body.code], [422, 'IDEMPOTENCY_KEY_REUSED'])
    const rows = await estate.db.selectFrom('agents').select('name').where('organization_id', '=', 'begun').execute()
    assert.deepEqual(rows, [{ name: 'once' }])
  })

  test('are described anew member by member; null clears, and what is the same is no event', async () => {
    const { body } = await idp.manage('POST', '/api/v1/agents', {
      name: 'before',
      email: 'a@example.org',
      capabilities: ['read'],
      owner: 'team',
    })
    const path = `/api/v1/agents/${body.agentId}`
    const change = { name: 'after', email: null, capabilities: null, agentType: 'worker', deploymentEnv: 'staging' }
    const changed = await idp.manage('PATCH', path, change)
    const { email: _email, changedAt, ...same } = body
    assert.equal(changed.status, 200)
    assert.deepEqual(changed.body, {
      ...same,
      name: 'after',
      capabilities: [],
      agentType: 'worker',
      deploymentEnv: 'staging',
      changedAt: changed.body.changedAt,
    })
    assert.ok(changed.body.changedAt > changedAt)
    for (const nothing of [{}, { name: 'after' }, change, { scopes: [] }, { status: 'active' }]) {
      assert.deepEqual((await idp.manage('PATCH', path, nothing)).body, changed.body)
    }
    const events = await estate.db
      .selectFrom('audit_events')
      .select(['action', 'details'])
      .where('agent_id', '=', body.agentId)
      .where('action', '!=', 'agent.created')
      .execute()
    // What is encrypted in its row does not stand in the audit in plain text, for ever.
    const before = {
      name: 'before',
      encrypted: ['email'],
      capabilities: ['read'],
      agentType: null,
      deploymentEnv: null,
    }
    const after = { ...change, capabilities: [] }
    assert.deepEqual(events, [{ action: 'agent.updated', details: { before, after } }])
  })

  const badChanges: object[] = [
    { nme: 'a misspelt member' },
    { agentId: 'other' },
    { organizationId: 'other' },
    { createdAt: '2026-01-01T00:00:00Z' },
    { status: 'gone' },
    { scopes: null },
    { scopes: ['two words'] },
    { scopes: ['management'] },
    { scopes: ['x'.repeat(101)] },
    { capabilities: ['a\u0000b'] },
    { email: 'nobody' },
    { name: '' },
  ]
  for (const change of badChanges) {
    test(`are not changed by ${JSON.stringify(change).slice(0, 60)}`, async () => {
      const before = (await idp.manage('GET', '/api/v1/agents/agent-1')).body
      const reply = await idp.manage('PATCH', '/api/v1/agents/agent-1', { owner: 'sneaked in', ...change })
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'])
      assert.deepEqual((await idp.manage('GET', '/api/v1/agents/agent-1')).body, before)
    })
  }

  for (const [method, more] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/suspend'],
    ['POST', '/reactivate'],
    ['POST', '/decommission'],
  ] as const) {
    test(`that are not there are not found by ${method} …/:agentId${more}`, async () => {
      const reply = await idp.manage(method, `/api/v1/agents/nobody${more}`, method === 'PATCH' ? {} : undefined)
      assert.deepEqual([reply.status, reply.body.code], [404, 'UNKNOWN_AGENT'])
      assert.equal(reply.body.message.includes('nobody'), false)
    })
  }

  const refusals: [string, string, unknown, number, string][] = [
    ['a description of the wrong shape', '', { capabilities: 'all' }, 400, 'INVALID_REQUEST'],
    ['a name with a control character', '', { name: 'a\u0000b' }, 400, 'INVALID_REQUEST'],
    ['no description', '', undefined, 400, 'INVALID_REQUEST'],
    ['an e-mail address that is none', '', { email: 'x' }, 400, 'INVALID_REQUEST'],
    ['a misspelt organization', '', { name: 'a', organization_id: 'tenant-1' }, 400, 'INVALID_REQUEST'],
    ['a misspelt reason', '/agent-1/suspend', { because: 'x' }, 400, 'INVALID_REQUEST'],
    ['a scope that is none', '', { scopes: ['two words'] }, 400, 'INVALID_REQUEST'],
    ['an organization with a strange name', '', { organizationId: 'a/b' }, 400, 'INVALID_REQUEST'],
    ['an unknown agent', '/nobody/credentials', {}, 404, 'UNKNOWN_AGENT'],
    ['an expiry in the past', '/agent-1/credentials', { expiresAt: '2001-01-01T00:00:00Z' }, 400, 'INVALID_REQUEST'],
  ]
  for (const [what, path, body, status, code] of refusals) {
    test(`refuse ${what}`, async () => {
      const reply = await idp.manage('POST', `/api/v1/agents${path}`, body)
      assert.deepEqual([reply.status, reply.body.code], [status, code])
    })
  }

  test('are not administered by a JWT, whatever it claims', async () => {
    const jwt = (await idp.token(agent)).body.access_token
    const reply = await idp.manage('POST', '/api/v1/agents', { name: 'x' }, jwt)
    assert.deepEqual([reply.status, reply.body.code], [401, 'UNAUTHENTICATED'])
  })

  test('tell by WWW-Authenticate what an administrator lacks (RFC 6750 §3)', async () => {
    const challenge = async (authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization }
      return (await fetch(`${idp.url}/api/v1/agents`, { headers })).headers.get('www-authenticate')
    }
    assert.equal(await challenge(), 'Bearer realm="rekey"')
    assert.equal(await challenge('Bearer nothing'), 'Bearer realm="rekey", error="invalid_token"')
    const { access_token } = (await idp.token(admin, { scope: 'audit:read' })).body
    const lacking = 'Bearer realm="rekey", error="insufficient_scope", scope="agents:read"'
    assert.equal(await challenge(`Bearer ${access_token}`), lacking)
    const feed = await fetch(`${idp.url}/trust/feed`, { headers: { authorization: `Bearer ${access_token}` } })
    assert.deepEqual([feed.status, feed.headers.get('www-authenticate')], [401, 'Basic realm="rekey"'])
  })
})
