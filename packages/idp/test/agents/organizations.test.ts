import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { ensureClients } from '../../src/index.ts'
import { type Estate, reader, startEstate, type TestInstance } from '../estate.ts'

const tenant = { clientId: 'tenant-1', clientSecret: `sk_live_${'e'.repeat(64)}` }
const writer = { clientId: 'writer-1', clientSecret: `sk_live_${'f'.repeat(64)}` }

describe('organizations', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    const scopes = ['agents:read', 'agents:write']
    await ensureClients(estate.database.ownerUrl, {
      agents: [
        { ...tenant, name: 'tenant', scopes },
        { ...writer, name: 'writer', scopes },
      ],
      verifiers: [],
    })
    await estate.db.updateTable('agents').set({ organization_id: 'other' }).where('agent_id', '=', 'tenant-1').execute()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const manageAs = async (who: typeof tenant, method: string, path: string, body?: unknown) =>
    idp.manage(method, path, body, await idp.management(who))
  const statusOf = async (agentId: string) =>
    (await estate.db.selectFrom('agents').selectAll().where('agent_id', '=', agentId).executeTakeFirst())?.status

  const routes: [string, string, unknown?][] = [
    ['GET', ''],
    ['PATCH', '', { name: 'mine now' }],
    ['PATCH', '', { status: 'active' }],
    ['DELETE', ''],
    ['POST', '/suspend'],
    ['POST', '/reactivate'],
    ['POST', '/decommission', { reason: 'malice' }],
  ]
  for (const [method, path, body] of routes) {
    test(`keep ${method} …/:agentId${path} out, in both directions, and write it down`, async () => {
      for (const [who, agentId] of [
        [tenant, 'agent-1'],
        [writer, 'tenant-1'],
      ] as const) {
        const before = await statusOf(agentId)
        const reply = await manageAs(who, method, `/api/v1/agents/${agentId}${path}`, body)
        assert.deepEqual([reply.status, reply.body.code], [403, 'FORBIDDEN'])
        assert.equal(await statusOf(agentId), before)
        const route = `/api/v1/agents/:agentId${path}`
        assert.ok(
          (await refusals(who.clientId)).some((details) => isDeepStrictEqual(details, { method, route, agentId })),
        )
      }
    })
  }

  /** What the audit says was forbidden to somebody. */
  async function refusals(actor: string): Promise<object[]> {
    await idp.idp.instance.gathered.flush()
    const events = await estate.db
      .selectFrom('audit_events')
      .select('details')
      .where('action', '=', 'authorization.refused')
      .where('actor', '=', actor)
      .execute()
    return events
      .filter(({ details }) => details.cause === 'FORBIDDEN')
      .map(({ details: { method, route, agentId } }) => ({ method, route, agentId }))
  }

  test('do not see each other in lists', async () => {
    const { body } = await manageAs(tenant, 'GET', '/api/v1/agents')
    assert.deepEqual(
      body.agents.map((agent: { agentId: string }) => agent.agentId),
      ['tenant-1'],
    )
    const operators = (await manageAs(writer, 'GET', '/api/v1/agents?limit=200')).body.agents
    assert.equal(
      operators.some((agent: { organizationId: string }) => agent.organizationId !== 'default'),
      false,
    )
  })

  test('are begun by the operator alone, with a first agent that is out of his reach from then on', async () => {
    const description = { name: 'first', organizationId: 'third', scopes: ['agents:write'] }
    const { status, body } = await idp.manage('POST', '/api/v1/agents', description)
    assert.equal(status, 201)
    assert.partialDeepStrictEqual(body, description)
    assert.equal((await idp.manage('GET', `/api/v1/agents/${body.agentId}`)).status, 403)
    const reply = await manageAs(tenant, 'POST', '/api/v1/agents', description)
    assert.deepEqual([reply.status, reply.body.code], [403, 'FORBIDDEN'])
    const own = await manageAs(tenant, 'POST', '/api/v1/agents', { organizationId: 'other' })
    assert.deepEqual([own.status, own.body.organizationId], [201, 'other'])
  })

  test('take their first agent by the credential that comes with it, once', async () => {
    const { body } = await idp.manage('POST', '/api/v1/agents', { organizationId: 'fourth', scopes: ['agents:write'] })
    const { credential, ...shown } = body
    assert.equal(credential.clientId, shown.agentId)
    const created = await manageAs(credential, 'POST', '/api/v1/agents', { name: 'second' })
    assert.deepEqual([created.status, created.body.organizationId], [201, 'fourth'])
    assert.equal(created.body.credential, undefined)
    const again = await manageAs(credential, 'GET', `/api/v1/agents/${shown.agentId}`)
    assert.equal(again.status, 403, 'it may write, and was not given agents:read')
  })

  test('are begun once: nobody outside gets in afterwards, whatever became of the first agent', async () => {
    const begin = (name: string, scopes = ['agents:write']) =>
      idp.manage('POST', '/api/v1/agents', { name, organizationId: 'fifth', scopes })
    const raced = await Promise.all(['one', 'two', 'three'].map((name) => begin(name)))
    assert.deepEqual(raced.map(({ status }) => status).sort(), [201, 403, 403])
    const founder = raced.find(({ status }) => status === 201)?.body.credential
    await manageAs(founder, 'DELETE', `/api/v1/agents/${founder.clientId}`)
    const late = await begin('spy', [])
    assert.deepEqual([late.status, late.body.code, late.body.credential], [403, 'FORBIDDEN', undefined])
    const { length } = await estate.db.selectFrom('agents').selectAll().where('organization_id', '=', 'fifth').execute()
    assert.equal(length, 1)
  })

  test('refuse who lacks the scope, and say which', async () => {
    const reply = await manageAs(reader, 'GET', '/api/v1/agents')
    assert.deepEqual(
      [reply.status, reply.body.code, reply.body.details],
      [403, 'INSUFFICIENT_SCOPE', { scope: 'agents:read' }],
    )
    const reads = (await idp.token(writer, { scope: 'agents:read' })).body.access_token
    for (const [method, path, body] of routes.slice(1)) {
      const { status, body: refusal } = await idp.manage(method, `/api/v1/agents/agent-1${path}`, body, reads)
      assert.deepEqual([status, refusal.code, refusal.details], [403, 'INSUFFICIENT_SCOPE', { scope: 'agents:write' }])
    }
  })

  test('give no management scope by somebody who does not have it himself', async () => {
    const scopes = ['agents:read', 'keyrings:write', 'reports:read']
    const refused = await manageAs(writer, 'POST', '/api/v1/agents', { scopes })
    assert.deepEqual([refused.status, refused.body.details], [403, { scope: 'keyrings:write' }])
    const { body } = await idp.manage('POST', '/api/v1/agents', { scopes })
    assert.deepEqual(body.scopes, scopes)
    const path = `/api/v1/agents/${body.agentId}`
    const kept = await manageAs(writer, 'PATCH', path, { scopes: [...scopes, 'agents:write', 'anything'] })
    assert.deepEqual([kept.status, kept.body.scopes.length], [200, 5])
    const more = await manageAs(writer, 'PATCH', path, { scopes: [...scopes, 'incidents:write'] })
    assert.deepEqual([more.status, more.body.code], [403, 'INSUFFICIENT_SCOPE'])
  })
})
