import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { auditReader } from '../../audit/reading.ts'
import { admin, agent, type Estate, type Reply, startEstate, type TestInstance } from '../../estate.ts'
import { type Host, jsonOf, startHost } from '../../outbound/host.ts'
import { newKey, registerClient, sendAs, type TestKey, tokenByKey } from '../client.ts'

describe('the keys of a client, administered at /api/clients', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let host: Host
  let bearer: string
  before(async () => {
    host = await startHost()
    estate = await startEstate({ REKEY_OUTBOUND_ALLOW: host.name, REKEY_JWKS_URI_COOLDOWN: '600s' })
    idp = await estate.instance()
    other = await estate.instance()
    bearer = (await idp.token(admin, { scope: 'dcr.admin' })).body.access_token
  })
  after(async () => {
    await host.close()
    await estate.stop()
  })

  const pathOf = (clientId: string) => `/api/clients/${clientId}/jwks`
  const send = (method: string, clientId: string, body?: unknown, headers?: Record<string, string>) =>
    sendAs(idp, bearer, method, pathOf(clientId), body, headers)
  const kidsOf = ({ body }: Reply): string[] => body.keys.map(({ kid }: { kid: string }) => kid)
  const codeOf = ({ status, body }: Reply) => [status, body.code]

  /** May the key get tokens for the client, at every instance? The issuer is each instance's own here. */
  async function works(clientId: string, key: TestKey): Promise<boolean> {
    const replies = await Promise.all([idp, other].map((instance) => tokenByKey(instance, clientId, key)))
    const admitted = replies.filter(({ status }) => status === 200).length
    assert.ok(admitted === 0 || admitted === replies.length, JSON.stringify(replies.map(({ status }) => status)))
    return admitted > 0
  }

  test('are shown as a set, with the ETag of the registration', async () => {
    const { clientId, kid, etag } = await registerClient(idp)
    const shown = await send('GET', clientId)
    assert.equal(shown.status, 200, JSON.stringify(shown.body))
    assert.deepEqual(kidsOf(shown), [kid])
    assert.equal(shown.headers.get('etag'), etag)
    for (const path of [`/api/v1/clients/${clientId}/jwks`, `/v1/clients/${clientId}/jwks`]) {
      assert.deepEqual((await sendAs(idp, bearer, 'GET', path)).body, shown.body)
    }
  })

  test('are replaced by PUT, at every instance, and the audit is told which', async () => {
    const { clientId, key, kid } = await registerClient(idp)
    assert.equal(await works(clientId, key), true)
    const next = newKey()
    const put = await send('PUT', clientId, JSON.stringify({ keys: [next.jwk] }), {
      'content-type': 'application/jwk-set+json',
    })
    assert.equal(put.status, 200, JSON.stringify(put.body))
    assert.deepEqual(kidsOf(put), [next.kid])
    assert.equal(await works(clientId, next), true)
    assert.equal(await works(clientId, key), false)
    const audit = await auditReader(idp)
    const [event] = await audit.until({ action: 'client.updated', agentId: clientId })
    assert.equal(event?.actor, admin.clientId)
    assert.deepEqual(event?.details, { members: ['jwks'], kidsAdded: [next.kid], kidsRemoved: [kid] })
  })

  test('are added to by POST, one or a set, and once only', async () => {
    const { clientId, key } = await registerClient(idp)
    const [second, third] = [newKey(), newKey()]
    assert.deepEqual(kidsOf(await send('POST', clientId, second.jwk)), [key.kid, second.kid])
    const added = await send('POST', clientId, { keys: [second.jwk, third.jwk] })
    assert.deepEqual(kidsOf(added), [key.kid, second.kid, third.kid])
    const again = await send('POST', clientId, third.jwk)
    assert.deepEqual([again.status, again.headers.get('etag')], [200, added.headers.get('etag')])
    for (const each of [key, second, third]) assert.equal(await works(clientId, each), true)
  })

  test('of two who add one at the same moment both are there', async () => {
    const { clientId } = await registerClient(idp)
    const keys = [newKey(), newKey(), newKey(), newKey()]
    const replies = await Promise.all(keys.map(({ jwk }) => send('POST', clientId, jwk)))
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
    assert.equal(kidsOf(await send('GET', clientId)).length, 5)
  })

  test('stay where they changed since they were read', async () => {
    const { clientId, key, etag } = await registerClient(idp)
    const next = newKey()
    const ifMatch = { 'if-match': etag }
    const first = await send('POST', clientId, next.jwk, ifMatch)
    assert.equal(first.status, 200)
    assert.deepEqual(codeOf(await send('PUT', clientId, { keys: [next.jwk] }, ifMatch)), [412, 'PRECONDITION_FAILED'])
    assert.equal(await works(clientId, key), true)
    const now = { 'if-match': first.headers.get('etag') ?? '' }
    assert.equal((await send('PUT', clientId, { keys: [next.jwk] }, now)).status, 200)
  })

  const shared = newKey('shared')
  const bad: Record<string, (key: TestKey) => unknown> = {
    'a private key': () => ({ keys: [{ ...newKey().privateKey.export({ format: 'jwk' }), kid: 'private' }] }),
    'a shared secret': () => ({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'secret' }] }),
    'a key that is none': () => ({ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }),
    'two of one kid': () => ({ keys: [shared.jwk, newKey('shared').jwk] }),
    'a kid that named another key': ({ kid }) => ({ keys: [newKey(kid).jwk] }),
    'more than may be': () => ({ keys: Array.from({ length: 21 }, () => newKey().jwk) }),
    'no key at all': () => ({ keys: [] }),
  }
  for (const [what, body] of Object.entries(bad)) {
    test(`are not replaced by ${what}`, async () => {
      const { clientId, key } = await registerClient(idp)
      assert.deepEqual(codeOf(await send('PUT', clientId, body(key))), [400, 'INVALID_CLIENT_METADATA'])
      assert.deepEqual(kidsOf(await send('GET', clientId)), [key.kid])
    })
  }

  test('are not read from what is no set of keys', async () => {
    const { clientId } = await registerClient(idp)
    for (const body of [{}, [], { keys: 'none' }, { keys: ['none'] }, null]) {
      assert.deepEqual(codeOf(await send('PUT', clientId, body)), [400, 'INVALID_REQUEST'])
    }
    assert.deepEqual(codeOf(await send('PUT', clientId, '<')), [400, 'INVALID_JSON'])
    const large = { keys: [{ ...newKey().jwk, more: 'x'.repeat(65_536) }] }
    assert.deepEqual(codeOf(await send('PUT', clientId, large)), [413, 'PAYLOAD_TOO_LARGE'])
    assert.deepEqual(codeOf(await send('POST', clientId)), [400, 'INVALID_CLIENT_METADATA'])
  })

  test('of nobody and of an agent are unknown, and of another organization forbidden', async () => {
    const { clientId } = await registerClient(idp)
    for (const method of ['GET', 'PUT', 'POST']) {
      const body = method === 'GET' ? undefined : { keys: [newKey().jwk] }
      assert.deepEqual(codeOf(await send(method, 'nobody', body)), [404, 'UNKNOWN_CLIENT'])
      assert.deepEqual(codeOf(await send(method, agent.clientId, body)), [404, 'UNKNOWN_CLIENT'])
    }
    await estate.db.updateTable('agents').set({ organization_id: 'acme' }).where('agent_id', '=', clientId).execute()
    for (const method of ['GET', 'PUT', 'POST']) {
      const body = method === 'GET' ? undefined : { keys: [newKey().jwk] }
      assert.deepEqual(codeOf(await send(method, clientId, body)), [403, 'FORBIDDEN'])
    }
  })

  test('are for whoever has the scope dcr.admin, and all that the client may do', async () => {
    const { clientId, rat } = await registerClient(idp)
    const body = { keys: [newKey().jwk] }
    const narrow = (await idp.token(admin, { scope: 'admin.api dcr.register' })).body.access_token
    assert.deepEqual(codeOf(await sendAs(idp, narrow, 'PUT', pathOf(clientId), body)), [403, 'INSUFFICIENT_SCOPE'])
    assert.deepEqual(codeOf(await sendAs(idp, rat, 'PUT', pathOf(clientId), body)), [401, 'UNAUTHENTICATED'])
    await estate.db
      .updateTable('agents')
      .set({ scopes: ['keyrings:write'] })
      .where('agent_id', '=', clientId)
      .execute()
    for (const method of ['PUT', 'POST']) {
      assert.deepEqual(codeOf(await send(method, clientId, body)), [403, 'INSUFFICIENT_SCOPE'])
    }
  })

  test('of a suspended client may be changed, of a deleted one not', async () => {
    const { clientId } = await registerClient(idp)
    await idp.manage('POST', `/api/v1/agents/${clientId}/suspend`)
    assert.equal((await send('PUT', clientId, { keys: [newKey().jwk] })).status, 200)
    await idp.manage('POST', `/api/v1/agents/${clientId}/decommission`)
    assert.deepEqual(codeOf(await send('PUT', clientId, { keys: [newKey().jwk] })), [409, 'AGENT_DECOMMISSIONED'])
  })

  describe('at a jwks_uri', () => {
    const publish = (...keys: TestKey[]) => host.set(jsonOf({ keys: keys.map(({ jwk }) => jwk) }))
    const register = () => registerClient(idp, { jwks_uri: host.url })

    test('are read again at once by an empty POST, however often', async () => {
      const { clientId, key } = await register()
      publish(key)
      assert.deepEqual(kidsOf(await send('GET', clientId)), [])
      assert.deepEqual(kidsOf(await send('POST', clientId)), [key.kid])
      assert.equal(await works(clientId, key), true)
      for (const next of [newKey(), newKey(), newKey()]) {
        publish(next)
        assert.deepEqual(kidsOf(await send('POST', clientId)), [next.kid])
        assert.equal(await works(clientId, next), true)
        assert.equal(await works(clientId, key), false)
        assert.deepEqual(kidsOf(await send('GET', clientId)), [next.kid])
      }
    })

    test('that cannot be read are told so, and those that are held stay', async () => {
      const { clientId, key } = await register()
      publish(key)
      await send('POST', clientId)
      host.set((response) => response.writeHead(404).end())
      const { status, body } = await send('POST', clientId)
      assert.deepEqual([status, body.code, body.details], [502, 'OUTBOUND_FAILED', { why: 'status_404' }])
      assert.match(body.message, /status_404/)
      assert.deepEqual(kidsOf(await send('GET', clientId)), [key.kid])
      assert.equal(await works(clientId, key), true)
    })

    test('are not added to, and PUT takes their place', async () => {
      const { clientId, key } = await register()
      publish(key)
      await send('POST', clientId)
      const next = newKey()
      assert.deepEqual(codeOf(await send('POST', clientId, next.jwk)), [400, 'INVALID_CLIENT_METADATA'])
      assert.deepEqual(kidsOf(await send('PUT', clientId, { keys: [next.jwk] })), [next.kid])
      assert.equal(await works(clientId, next), true)
      assert.equal(await works(clientId, key), false)
    })

    test('of one client that registered by a PATCH are fetched when it first needs them', async () => {
      const { clientId, key, rat, path } = await registerClient(idp)
      const next = newKey()
      publish(next)
      const patched = await sendAs(idp, rat, 'PATCH', path, { jwks_uri: host.url })
      assert.equal(patched.status, 200, JSON.stringify(patched.body))
      assert.equal(patched.body.jwks, undefined)
      assert.equal(await works(clientId, next), true)
      assert.equal(await works(clientId, key), false)
    })
  })
})
