/** The runbook by which operators rotate the secrets of agents, step by step, by the paths that it names. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { admin, type Estate, eventually, type Reply, startEstate, type TestInstance } from '../estate.ts'

describe('the runbook for client secrets', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let agentId: string
  let credentialId: string
  let old: { clientId: string; clientSecret: string }
  let renewed: { clientId: string; clientSecret: string }
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance()
    const agent = await idp.manage('POST', '/v1/agents', { name: 'crawler', deploymentEnv: 'production' })
    agentId = agent.body.agentId
    const credential = await idp.manage('POST', `/v1/agents/${agentId}/credentials`, {})
    credentialId = credential.body.credentialId
    old = credential.body
    assert.equal((await idp.token(old)).status, 200)
  })
  after(() => estate.stop())

  const withScope = async (method: string, path: string, scope: string, body?: unknown): Promise<Reply> =>
    idp.manage(method, path, body, (await idp.token(admin, { scope })).body.access_token)

  test('step 1: the active credentials of the agent are listed, without a secret', async () => {
    const { status, body } = await withScope('GET', `/v1/agents/${agentId}/credentials?status=active`, 'agents:read')
    assert.equal(status, 200)
    assert.partialDeepStrictEqual(body.credentials, [{ credentialId, clientId: agentId, status: 'active' }])
    assert.equal(JSON.stringify(body).includes('sk_live_'), false)
  })

  test('step 2: the endpoint requires the scope agents:write', async () => {
    const path = `/v1/agents/${agentId}/credentials/${credentialId}/rotate`
    const { status, body } = await withScope('POST', path, 'agents:read', {})
    assert.deepEqual([status, body.code], [403, 'INSUFFICIENT_SCOPE'])
  })

  test('step 2: the credential is rotated to a date, and the new secret is in the reply', async () => {
    const path = `/v1/agents/${agentId}/credentials/${credentialId}/rotate`
    const { status, body } = await withScope('POST', path, 'agents:write', { expiresAt: '2099-03-31T00:00:00.000Z' })
    assert.equal(status, 200)
    assert.match(body.clientSecret, /^sk_live_[0-9a-f]{64}$/)
    assert.partialDeepStrictEqual(body, {
      credentialId,
      clientId: agentId,
      status: 'active',
      expiresAt: '2099-03-31T00:00:00.000Z',
    })
    renewed = body
  })

  test('key point: the previous secret is invalid at once, at every instance', async () => {
    for (const instance of [idp, other]) {
      const { status, body } = await instance.token(old)
      assert.deepEqual([status, body.error], [401, 'invalid_client'])
      assert.equal((await instance.token(renewed)).status, 200)
    }
  })

  test('key point: the new secret is never shown again', async () => {
    for (const path of ['', `/${credentialId}`]) {
      const { body } = await idp.manage('GET', `/v1/agents/${agentId}/credentials${path}`)
      assert.equal(JSON.stringify(body).includes(renewed.clientSecret), false)
    }
    const { rows } = await rowsWith(renewed.clientSecret)
    assert.deepEqual(rows, [])
  })

  test('key point: the audit chain has an event credential.rotated', async () => {
    const read = () => withScope('GET', '/audit?action=credential.rotated', 'audit:read')
    const { status, body } = await eventually(read, (reply) => reply.body.events?.length === 1)
    assert.equal(status, 200)
    const [event] = body.events
    assert.partialDeepStrictEqual(event, {
      outcome: 'success',
      actor: admin.clientId,
      agentId,
      details: { credentialId },
    })
    assert.match(event.hash, /^[0-9a-f]{64}$/)
    assert.match(event.previousHash, /^[0-9a-f]{64}$/)
    assert.equal(JSON.stringify(body).includes('sk_live_'), false)
  })

  test('evidence: a token for the audit is one for nothing else', async () => {
    const { status, body } = await withScope('GET', '/v1/agents', 'audit:read')
    assert.deepEqual([status, body.code], [403, 'INSUFFICIENT_SCOPE'])
  })

  const schedule: [string, object, number][] = [
    ['production agents every 90 days', { deploymentEnv: 'production' }, 90],
    ['staging agents every 180 days', { deploymentEnv: 'staging' }, 180],
    ['development agents every 180 days', { deploymentEnv: 'development' }, 180],
    ['service accounts every 365 days', { agentType: 'service-account', deploymentEnv: 'production' }, 365],
  ]
  for (const [who, description, days] of schedule) {
    test(`schedule: ${who}`, async () => {
      const agent = await idp.manage('POST', '/v1/agents', { name: who, ...description })
      const credentials = `/v1/agents/${agent.body.agentId}/credentials`
      const { body } = await idp.manage('POST', credentials, {})
      const shown = await idp.manage('GET', `${credentials}/${body.credentialId}`)
      const { rotatedAt, rotateBy } = shown.body
      assert.equal(Math.round((Date.parse(rotateBy) - Date.parse(rotatedAt)) / 86_400_000), days)
    })
  }

  test('schedule: what an incident touched is revoked and replaced immediately', async () => {
    const credentials = `/v1/agents/${agentId}/credentials`
    const touched = (await idp.manage('POST', credentials, {})).body
    const reason = { reason: 'found in a log', incident: 'INC-7' }
    assert.equal((await idp.manage('POST', `${credentials}/${touched.credentialId}/revoke`, reason)).status, 200)
    assert.equal((await other.token(touched)).status, 401)
    assert.equal((await other.token(renewed)).status, 200)
  })

  test('evidence: the audit log is queried by its action, and the chain is intact', async () => {
    const { status, body } = await withScope('GET', '/audit/verify', 'audit:read')
    assert.equal(status, 200)
    assert.equal(body.verified, true)
    assert.ok(body.checkedCount > 5)
  })

  test('evidence: the integrity of the chain is a metric', async () => {
    const { body } = await idp.call('/metrics')
    assert.match(body, /^agentidp_audit_chain_integrity 1$/m)
  })

  /** Everything that the database holds of agents, credentials and events, searched as text. */
  async function rowsWith(secret: string) {
    return sql`
      SELECT 1 FROM (
        SELECT row_to_json(c)::text AS line FROM credentials c
        UNION ALL SELECT row_to_json(e)::text FROM audit_events e
        UNION ALL SELECT text FROM audit_chain
        UNION ALL SELECT row_to_json(r)::text FROM idempotent_replies r
      ) AS lines WHERE position(${secret} IN line) > 0`.execute(estate.db)
  }
})
