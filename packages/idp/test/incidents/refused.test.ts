import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { requireScope } from '../../src/http/authorise.ts'
import { auditReader } from '../audit/reading.ts'
import { admin, agent, basic, type Estate, startEstate, type TestInstance } from '../estate.ts'
import { onIncident, open } from './setting.ts'

interface Operation {
  security?: { management?: string[] }[]
  responses: Record<string, { description: string }>
}

/** Every route by which a management token changes something, written down once more on purpose. */
const refused = [
  'POST /api/admin/dcr/clients/{clientId}/secret',
  'POST /api/clients/{clientId}/jwks',
  'PUT /api/clients/{clientId}/jwks',
  'DELETE /api/v1/agents/{agentId}',
  'DELETE /api/v1/denied',
  'DELETE /api/v1/verifiers/{id}',
  'PATCH /api/v1/accounts/{accountId}',
  'PATCH /api/v1/agents/{agentId}',
  'POST /api/admin/dcr/clients/{clientId}/tokens',
  'POST /api/admin/dcr/initial-access-tokens',
  'POST /api/v1/accounts',
  'POST /api/v1/agents',
  'POST /api/v1/agents/{agentId}/credentials',
  'POST /api/v1/agents/{agentId}/credentials/{credentialId}/rotate',
  'POST /api/v1/agents/{agentId}/decommission',
  'POST /api/v1/agents/{agentId}/reactivate',
  'POST /api/v1/columns/close-legacy',
  'POST /api/v1/columns/escrow/{version}/take-out',
  'POST /api/v1/columns/pause',
  'POST /api/v1/keyrings/{name}/discard',
  'POST /api/v1/keyrings/{name}/prepare',
  'POST /api/v1/keyrings/{name}/rollback',
  'POST /api/v1/keyrings/{name}/rotate',
  'POST /api/v1/verifiers',
  'PATCH /api/v1/webhooks/{webhookId}',
  'POST /api/v1/webhooks',
  'POST /api/v1/webhooks/{webhookId}/rotate-secret',
  'PUT /api/v1/issuance',
]
const allowed = [
  'DELETE /api/v1/webhooks/{webhookId}',
  'POST /api/v1/webhooks/{webhookId}/confirm-secret',
  'POST /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver',
  'POST /api/v1/webhooks/{webhookId}/pause',
  'POST /api/v1/webhooks/{webhookId}/redeliver',
  'DELETE /api/admin/dcr/clients/{clientId}',
  'DELETE /api/admin/dcr/initial-access-tokens/{tokenId}',
  'DELETE /api/v1/agents/{agentId}/credentials/{credentialId}',
  'POST /api/v1/accounts/{accountId}/disable',
  'POST /api/v1/agents/{agentId}/credentials/{credentialId}/revoke',
  'POST /api/v1/agents/{agentId}/suspend',
  'POST /api/v1/columns/reencrypt',
  'POST /api/v1/denied',
  'POST /api/v1/keyrings/{name}/revoke',
  'POST /api/v1/token/introspect',
  'POST /api/v1/token/revoke',
]

const values = {
  agentId: agent.clientId,
  clientId: agent.clientId,
  credentialId: agent.clientId,
  name: 'signing-es256',
  version: 'columns-000000000000',
  id: 'api/one',
  incident: 'INC-1',
  step: 'guard',
}

const pathOf = (pattern: string) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), pattern)

describe('while an incident freezes administration', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  let writes: { name: string; responses: Operation['responses'] }[]

  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance()
    bearer = await idp.management()
    const { paths } = (await idp.call('/api/v1/openapi.json')).body
    writes = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security = [], responses }]) =>
        method !== 'get' && security.some(({ management }) => management !== undefined)
          ? [{ name: `${method.toUpperCase()} ${path}`, responses }]
          : [],
      ),
    )
    await open(idp, 'INC-1')
    assert.equal((await onIncident(idp, 'INC-1').freeze()).status, 200)
  })
  after(() => estate.stop())

  const call = (instance: TestInstance, name: string, body: unknown = {}) => {
    const [method = '', pattern = ''] = name.split(' ')
    return instance.manage(method, pathOf(pattern), method === 'DELETE' ? undefined : body, bearer)
  }

  test('every route that writes is either refused or allowed, and does not compile before it says which', () => {
    // @ts-expect-error one that writes says nothing
    assert.ok(requireScope(idp.idp.instance, 'agents:write'))
    assert.ok(requireScope(idp.idp.instance, 'agents:read'))
    const others = writes.map(({ name }) => name).filter((name) => !name.includes(' /api/v1/incidents'))
    assert.deepEqual(others.toSorted(), [...refused, ...allowed].toSorted())
  })

  test('what gives access is refused on every instance, with the incident, whatever is sent', async () => {
    for (const instance of [idp, other]) {
      for (const name of refused) {
        const { status, body } = await call(instance, name)
        assert.deepEqual([status, body.code, body.incident], [423, 'ADMINISTRATION_FROZEN', 'INC-1'], name)
        assert.deepEqual(Object.keys(body), ['code', 'incident', 'message', 'details', 'correlation_id'])
        assert.ok(Date.parse(body.details.frozenAt) > 0)
      }
    }
  })

  test('the description of each route says whether it is refused', () => {
    for (const { name, responses } of writes) {
      const isTold = /`ADMINISTRATION_FROZEN`/.test(responses[423]?.description ?? '')
      assert.equal(isTold, refused.includes(name) || name.endsWith('/{name}/revoke'), name)
    }
  })

  test('everything about incidents goes on', async () => {
    assert.equal((await open(other, 'INC-2')).status, 201)
    assert.equal((await onIncident(other, 'INC-1').claim('ann')).status, 200)
    const all = writes.map(({ name }) => name).filter((name) => name.includes(' /api/v1/incidents/'))
    assert.ok(all.length > 4)
    for (const name of all) assert.notEqual((await call(other, name.replace('{incident}', 'nobody'))).status, 423, name)
  })

  test('tokens are issued, introspected and revoked, and keys are told', async () => {
    assert.equal((await other.token(agent)).status, 200)
    const { body } = await idp.token(agent)
    const form = (token: string) => ({
      method: 'POST',
      headers: { authorization: basic(agent) },
      body: new URLSearchParams({ token }),
    })
    const introspect = { ...form(body.access_token), headers: { authorization: `Bearer ${bearer}` } }
    assert.equal((await idp.call('/api/v1/token/introspect', introspect)).body.active, true)
    assert.equal((await idp.call('/api/v1/token/revoke', form(body.access_token))).status, 200)
    assert.equal((await idp.call('/.well-known/jwks.json')).status, 200)
    assert.equal((await idp.manage('GET', '/api/v1/agents', undefined, bearer)).status, 200)
    assert.equal((await idp.manage('GET', '/api/v1/audit/verify', undefined, bearer)).status, 200)
  })

  test('whoever is to be shut out is shut out', async () => {
    const denied = await idp.manage('POST', '/api/v1/denied', { entries: [{ jti: 'one' }] }, bearer)
    assert.equal(denied.status, 200)
    const victim = `/api/v1/agents/${agent.clientId}`
    const [credential] = (await idp.manage('GET', `${victim}/credentials`, undefined, bearer)).body.credentials
    const path = `${victim}/credentials/${credential.credentialId}/revoke`
    const revoked = await idp.manage('POST', path, { reason: 'leaked' }, bearer)
    assert.equal(revoked.body.status, 'revoked')
    assert.equal((await idp.manage('POST', `${victim}/suspend`, undefined, bearer)).body.status, 'suspended')
    const reactivated = await idp.manage('PATCH', victim, { status: 'active' }, bearer)
    assert.equal(reactivated.body.incident, 'INC-1')
  })

  test('a key is revoked for an incident that freezes, and for no other reason', async () => {
    const path = '/api/v1/keyrings/signing-rs256'
    const { versions } = (await idp.manage('GET', path, undefined, bearer)).body
    const asked = { id: versions[0].id, reason: 'leaked' }
    const revoke = (more: object) => other.manage('POST', `${path}/revoke`, { ...asked, ...more }, bearer)
    for (const more of [{}, { incident: 'INC-2' }, { incident: 'nobody' }]) {
      const { status, body } = await revoke(more)
      assert.deepEqual([status, body.incident], [423, 'INC-1'])
    }
    const { status, body } = await revoke({ incident: 'INC-1' })
    assert.equal(status, 200)
    assert.equal(body.versions.find(({ id }: { id: string }) => id === asked.id).state, 'revoked')
  })

  test('whoever may not do it anyway does not learn of the incident', async () => {
    const mayNot = await idp.call('/api/v1/agents', { method: 'POST' })
    assert.deepEqual([mayNot.status, mayNot.body.incident], [401, undefined])
    const scoped = (await idp.token(admin, { scope: 'agents:read' })).body.access_token
    const { status, body } = await idp.manage('POST', '/api/v1/agents', {}, scoped)
    assert.deepEqual([status, body.code, body.incident], [403, 'INSUFFICIENT_SCOPE', undefined])
  })

  test('who was refused stands in the audit, with the incident', async () => {
    await idp.idp.instance.gathered.flush()
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'authorization.refused', actor: admin.clientId })
    const found = events.find(({ details }) => details.route === '/api/v1/issuance')
    assert.deepEqual([found?.details.cause, found?.details.incident], ['ADMINISTRATION_FROZEN', 'INC-1'])
  })
})
