import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { agent, type Estate, startEstate, type TestInstance } from '../estate.ts'

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
    assert.equal((await idp.manage('POST', `${path}/credentials`)).body.code, 'ALREADY_EXISTS')
    const events = await estate.db
      .selectFrom('audit_events')
      .selectAll()
      .where('agent_id', '=', body.clientId)
      .execute()
    assert.deepEqual(events.map((event) => event.action).sort(), ['agent.created', 'credential.generated'])
    assert.equal(JSON.stringify(events).includes(body.clientSecret), false)
  })

  test('of another organization are out of reach', async () => {
    await estate.db.insertInto('agents').values({ agent_id: 'foreign', organization_id: 'other' }).execute()
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/credentials'],
    ] as const) {
      const reply = await idp.manage(method, `/api/v1/agents/foreign${path}`)
      assert.deepEqual([reply.status, reply.body.code], [403, 'FORBIDDEN'])
    }
  })

  const refusals: [string, string, unknown, number, string][] = [
    ['a description of the wrong shape', '', { capabilities: 'all' }, 400, 'INVALID_REQUEST'],
    ['a name with a control character', '', { name: 'a\u0000b' }, 400, 'INVALID_REQUEST'],
    ['no description', '', undefined, 400, 'INVALID_REQUEST'],
    ['an e-mail address that is none', '', { email: 'x' }, 400, 'INVALID_REQUEST'],
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
})
