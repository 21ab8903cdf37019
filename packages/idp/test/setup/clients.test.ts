import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { hashSecret } from '../../src/credentials/secret.ts'
import { ensureClients } from '../../src/index.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

let made = 0

describe('clients that an estate is set up with', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  let clientId: string
  beforeEach(() => {
    made += 1
    clientId = `client-${made}`
  })

  const secret = (digit: string) => `sk_live_${digit.repeat(64)}`
  const setUp = (clientSecret: string, { scopes = ['reports:read'], name = clientId } = {}) =>
    ensureClients(estate.database.ownerUrl, { agents: [{ clientId, clientSecret, name, scopes }], verifiers: [] })
  const statusOf = async (clientSecret: string) => (await idp.token({ clientId, clientSecret })).status
  /** Nobody waits for the instances to know when an estate is set up. */
  const dies = (clientSecret: string) =>
    eventually(
      () => statusOf(clientSecret),
      (status) => status === 401,
    )
  const events = () =>
    estate.db
      .selectFrom('audit_events')
      .select(['action', 'actor', 'organization_id', 'details'])
      .where('agent_id', '=', clientId)
      .orderBy('inserted')
      .execute()
  const credentials = async () => {
    const { body } = await idp.manage('GET', `/api/v1/agents/${clientId}/credentials`)
    return body.credentials as { credentialId: string; status: string }[]
  }

  test('are there once, however often and by however many at once they are set up', async () => {
    await Promise.all(Array.from({ length: 4 }, () => setUp(secret('1'))))
    const written = await events()
    assert.deepEqual(await setUp(secret('1')), [])
    assert.equal(await statusOf(secret('1')), 200)
    assert.match((await credentials())[0]?.credentialId ?? '', /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
    assert.equal((await credentials()).length, 1)
    assert.deepEqual(await events(), written)
    assert.deepEqual(
      written.map(({ action, actor, organization_id }) => [action, actor, organization_id]),
      [
        ['agent.created', 'rekey setup', 'default'],
        ['credential.generated', 'rekey setup', 'default'],
      ],
    )
    assert.deepEqual(written[0]?.details, { name: clientId, scopes: ['reports:read'] })
  })

  test('get a secret that was never seen at once, and then the one before is dead', async () => {
    await setUp(secret('1'))
    assert.equal(await statusOf(secret('1')), 200)
    assert.deepEqual(await setUp(secret('2')), [])
    await dies(secret('1'))
    assert.equal(await statusOf(secret('2')), 200)
    assert.equal((await credentials()).length, 1)
  })

  test('that had their secret rotated do not get the old one back, and keep the new one', async () => {
    await setUp(secret('1'))
    const [credential] = await credentials()
    const path = `/api/v1/agents/${clientId}/credentials/${credential?.credentialId}`
    const { clientSecret } = (await idp.manage('POST', `${path}/rotate`, {})).body
    assert.deepEqual(await setUp(secret('1')), [clientId])
    assert.deepEqual([await statusOf(secret('1')), await statusOf(clientSecret)], [401, 200])
  })

  test('whose credential was revoked do not get it back, and may be given another secret', async () => {
    await setUp(secret('1'))
    const [credential] = await credentials()
    await idp.manage('DELETE', `/api/v1/agents/${clientId}/credentials/${credential?.credentialId}`)
    assert.deepEqual(await setUp(secret('1')), [clientId])
    assert.equal(await statusOf(secret('1')), 401)
    assert.deepEqual(await setUp(secret('3')), [])
    assert.equal(await statusOf(secret('3')), 200)
    assert.deepEqual((await credentials()).map(({ status }) => status).sort(), ['active', 'revoked'])
  })

  for (const act of ['suspend', 'decommission']) {
    test(`are not let in again after somebody had a reason to ${act} them`, async () => {
      await setUp(secret('1'))
      await idp.manage('POST', `/api/v1/agents/${clientId}/${act}`)
      assert.deepEqual([await setUp(secret('1')), await setUp(secret('2'))], [[clientId], [clientId]])
      assert.deepEqual([await statusOf(secret('1')), await statusOf(secret('2'))], [401, 401])
    })
  }

  test('have the scopes that they are set up with, from then on', async () => {
    await setUp(secret('1'))
    assert.equal((await idp.token({ clientId, clientSecret: secret('1') })).body.scope, 'reports:read')
    await setUp(secret('1'), { scopes: ['reports:write'] })
    await eventually(
      () => idp.token({ clientId, clientSecret: secret('1') }),
      ({ body }) => body.scope === 'reports:write',
    )
  })

  test('get scopes again that somebody took away, which is written down', async () => {
    await setUp(secret('1'))
    assert.equal((await idp.manage('PATCH', `/api/v1/agents/${clientId}`, { scopes: [] })).status, 200)
    await setUp(secret('1'))
    const { actor, action, details } = (await events()).at(-1) ?? {}
    assert.deepEqual(
      [actor, action, details],
      ['rekey setup', 'agent.updated', { before: { scopes: [] }, after: { scopes: ['reports:read'] } }],
    )
  })

  test('replace those of the same name that were set up before, whose tokens end, until they are set up again', async () => {
    const former = clientId
    await setUp(secret('1'), { name: 'replaced', scopes: ['agents:read'] })
    const token = await idp.management({ clientId, clientSecret: secret('1') })
    clientId = `${former}-next`
    await setUp(secret('2'), { name: 'replaced' })
    assert.equal((await idp.manage('GET', `/api/v1/agents/${former}`)).body.status, 'suspended')
    assert.equal((await idp.manage('GET', '/api/v1/agents', undefined, token)).status, 401)
    assert.equal(await statusOf(secret('2')), 200)
    clientId = former
    await dies(secret('1'))
    assert.deepEqual(await setUp(secret('1'), { name: 'replaced' }), [])
    assert.equal(await statusOf(secret('1')), 200)
    assert.equal((await idp.manage('GET', `/api/v1/agents/${former}-next`)).body.status, 'suspended')
  })

  test('that an earlier release wrote keep their secret, and have it replaced as any other', async () => {
    await setUp(secret('1'))
    await estate.db.deleteFrom('credentials').where('agent_id', '=', clientId).execute()

    const plain = { credential_id: clientId, agent_id: clientId, secret_hash: hashSecret(secret('1')) }
    await estate.db.insertInto('credentials').values(plain).execute()
    assert.deepEqual(await setUp(secret('1')), [])
    assert.equal(await statusOf(secret('1')), 200)
    assert.deepEqual(await setUp(secret('2')), [])
    await dies(secret('1'))
    assert.equal(await statusOf(secret('2')), 200)
  })

  test('as the first administrator: the log says when the configured secret lets nobody in', async () => {
    const configured = {
      REKEY_ADMIN_CLIENT_ID: clientId,
      REKEY_ADMIN_CLIENT_SECRET: secret('4'),
      REKEY_ISSUER: idp.url,
    }
    const first = await estate.instance(configured)
    assert.equal(first.lines.join('').includes('lets nobody in'), false)
    assert.equal(await statusOf(secret('4')), 200)
    const [credential] = await credentials()
    await idp.manage('POST', `/api/v1/agents/${clientId}/credentials/${credential?.credentialId}/rotate`, {})
    const second = await estate.instance(configured)
    assert.match(second.lines.join(''), /REKEY_ADMIN_CLIENT_SECRET lets nobody in/)
    assert.equal(second.lines.join('').includes(secret('4')), false)
    assert.equal(await statusOf(secret('4')), 401)
  })
})
