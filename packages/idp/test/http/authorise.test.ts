import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { managementScopes } from '../../src/index.ts'
import { addClient } from '../audit/reading.ts'
import { agent, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

interface Operation {
  security?: { management?: string[] }[]
}

/** What concerns every organization, written down once more on purpose. */
const ofEstate = /^(keyrings:|incidents:|links:|admin\.|dcr\.)/

/** What is sent, where nothing would not do. */
const bodies: Readonly<Record<string, object>> = {
  'PATCH /api/v1/agents/{agentId}': { name: 'mine now', status: 'suspended' },
  'POST /api/v1/agents/{agentId}/credentials/{credentialId}/revoke': { reason: 'malice' },
}

describe('an administrator of another organization', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let operations: { name: string; scopes: string[] }[]
  let values: Record<string, string>

  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    const { paths } = (await idp.call('/api/v1/openapi.json')).body
    operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security = [] }]) => ({
        name: `${method.toUpperCase()} ${path}`,
        scopes: security.flatMap(({ management = [] }) => management),
      })),
    )
    const agentId = agent.clientId
    const { body } = await idp.manage('POST', `/api/v1/agents/${agentId}/credentials`, {})
    const parts = { name: 'signing-es256', version: 'columns-0', id: 'api/one', incident: 'INC-1', step: 'guard' }
    values = {
      agentId,
      clientId: agentId,
      accountId: agentId,
      tokenId: agentId,
      credentialId: body.credentialId,
      ...parts,
    }
    await eventually(
      async () => (await idp.manage('GET', '/api/v1/keyrings/signing-es256')).body,
      ({ versions }) => versions.length > 1,
    )
  })
  after(() => estate.stop())

  /** Everything of the organization that runs the estate, and everything that concerns the whole of it. */
  async function state() {
    const { db } = estate
    return Promise.all([
      db.selectFrom('agents').selectAll().where('organization_id', '=', 'default').orderBy('agent_id').execute(),
      db
        .selectFrom('credentials')
        .selectAll()
        .where('agent_id', '=', agent.clientId)
        .orderBy('credential_id')
        .execute(),
      db.selectFrom('verifiers').selectAll().orderBy('client_id').execute(),
      db.selectFrom('denied').selectAll().execute(),
      db.selectFrom('issuance').selectAll().execute(),
    ])
  }

  async function doneBy(actor: string): Promise<string[]> {
    const events = await estate.db
      .selectFrom('audit_events')
      .select('action')
      .where('actor', '=', actor)
      .where('outcome', '=', 'success')
      .execute()
    return events.map(({ action }) => action)
  }

  async function call(name: string, bearer: string) {
    const [method = '', pattern = ''] = name.split(' ')
    const path = Object.entries(values).reduce((text, [part, value]) => text.replace(`{${part}}`, value), pattern)
    assert.doesNotMatch(path, /\{/, 'every part of the path has a value')
    return idp.manage(method, path, bodies[name] ?? (/^P/.test(method) ? {} : undefined), bearer)
  }

  async function isKeptOut(credential: typeof agent): Promise<void> {
    const bearer = await idp.management(credential)
    const before = await state()
    const concerned = operations.filter(
      ({ name, scopes }) => /\{(agentId|credentialId)\}/.test(name) || scopes.some((scope) => ofEstate.test(scope)),
    )
    assert.ok(concerned.length > 25, 'the description was read')
    for (const { name } of concerned) {
      const { status, body } = await call(name, bearer)
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'], name)
    }
    assert.deepEqual(await state(), before)
    assert.deepEqual(await doneBy(credential.clientId), ['token.issued'])
  }

  test('with every scope that it can have reaches nothing of ours and nothing of the estate', async () => {
    const scopes = managementScopes.filter((scope) => !ofEstate.test(scope))
    const created = await idp.manage('POST', '/api/v1/agents', { name: 'tenant', organizationId: 'acme', scopes })
    assert.deepEqual([created.status, created.body.scopes], [201, scopes])
    await isKeptOut(created.body.credential)
  })

  test('is kept out in spite of scopes that it was given when they were not refused yet', async () => {
    const old = { clientId: 'old-1', clientSecret: `sk_live_${'e'.repeat(64)}`, organizationId: 'acme' }
    await addClient(estate, old, [...managementScopes])
    await isKeptOut(old)
  })

  test('is given no scope of the estate, neither at first nor later, by nobody', async () => {
    const tenant = { clientId: 'tenant-2', clientSecret: `sk_live_${'f'.repeat(64)}`, organizationId: 'acme' }
    await addClient(estate, tenant, [...managementScopes])
    const bearer = await idp.management(tenant)
    const own = (await idp.manage('POST', '/api/v1/agents', { name: 'own' }, bearer)).body.agentId
    for (const scope of managementScopes.filter((each) => ofEstate.test(each))) {
      const scopes = ['agents:read', scope]
      for (const { status, body } of [
        await idp.manage('POST', '/api/v1/agents', { organizationId: 'third', scopes }),
        await idp.manage('POST', '/api/v1/agents', { scopes }, bearer),
        await idp.manage('PATCH', `/api/v1/agents/${own}`, { scopes }, bearer),
      ]) {
        assert.deepEqual([status, body.code, body.details], [403, 'FORBIDDEN', { scope }])
      }
      const kept = await idp.manage('PATCH', `/api/v1/agents/${tenant.clientId}`, { scopes: managementScopes }, bearer)
      assert.equal(kept.status, 200, 'what it has already is no new scope')
    }
  })
})
