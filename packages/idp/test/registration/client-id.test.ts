import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Provider } from 'oidc-provider'
import { pino } from 'pino'
import { openOidc } from '../../src/oidc/open.ts'
import { type Estate, startEstate, type TestInstance, verifier } from '../estate.ts'
import { askRegistration, newKey } from './client.ts'

/** What every object has, by which a caller would reach more than what is his. */
const ofEveryObject = Object.getOwnPropertyNames(Object.prototype)

describe('the id of a client', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('is no name that every object has a member of', async () => {
    assert.ok(ofEveryObject.includes('__proto__') && ofEveryObject.includes('constructor'))
    for (const client_id of ofEveryObject) {
      const { status, body } = await askRegistration(idp, { client_id, key: newKey() })
      assert.deepEqual([status, body.error], [400, 'invalid_client_metadata'], client_id)
      const bound = await idp.manage('POST', '/api/admin/dcr/initial-access-tokens', { label: 'x', client_id })
      assert.deepEqual([bound.status, bound.body.code], [400, 'INVALID_CLIENT_METADATA'], client_id)
    }
  })

  test('is no reserved name in whatever case, none of a verifier, and no UUID without its hyphens', async () => {
    const uuid = '11111111222243338444555555555555'
    for (const client_id of ['Rekey', 'ANONYMOUS', 'Unknown', 'many', verifier.clientId, uuid, uuid.toUpperCase()]) {
      const { status, body } = await askRegistration(idp, { client_id, key: newKey() })
      assert.deepEqual([status, body.error], [400, 'invalid_client_metadata'], client_id)
    }
  })

  test('that was stored although it is such a name lets in nobody, and sessions write on themselves alone', async () => {
    const { instance } = idp.idp
    await estate.db
      .insertInto('agents')
      .values({ agent_id: 'constructor', organization_id: 'default' } as never)
      .execute()
    await estate.db
      .insertInto('clients')
      .values({ client_id: 'constructor', profile: 'spa', metadata: '{"token_endpoint_auth_method":"none"}' } as never)
      .execute()
    assert.equal(await instance.clients.fresh('constructor'), undefined)
    const provider: Provider = openOidc(instance, pino({ level: 'silent' })).current()
    assert.equal(await provider.Client.find('constructor'), undefined)
    for (const authorizations of [undefined, {}, { other: { sid: 'known' } }]) {
      const session = Object.assign(new provider.Session(), authorizations ? { authorizations } : {})
      for (const clientId of ofEveryObject) {
        assert.equal(session.sidFor(clientId), undefined, clientId)
        session.sidFor(clientId, `sid of ${clientId}`)
        assert.equal(session.sidFor(clientId), `sid of ${clientId}`)
      }
      if (authorizations) assert.equal(session.sidFor('other'), authorizations.other?.sid)
    }
    assert.equal(Object.hasOwn(Object.prototype, 'sid'), false)
    assert.equal(Object.hasOwn(Object, 'sid'), false)
  })
})
