import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { auditReader } from '../../audit/reading.ts'
import { admin, agent, basic, type Estate, type Reply, reader, startEstate, type TestInstance } from '../../estate.ts'
import { registerClient } from '../client.ts'

describe("a change of a client's secret by an administrator", { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance()
  })
  after(() => estate.stop())

  const profile = 'code-flow-secret'
  const newClient = () => registerClient(idp, { profile, redirect_uris: ['https://client.example/back'] })
  const path = (clientId: string) => `/api/admin/dcr/clients/${clientId}/secret`
  const change = (clientId: string, body: object = {}) => idp.manage('POST', path(clientId), body)

  /** Does the secret authenticate it, at every instance? Whatever it may be granted. */
  async function works(clientId: string, clientSecret: string): Promise<boolean> {
    const replies = await Promise.all(
      [idp, other].map(({ call }) =>
        call('/api/v1/token/introspect', {
          method: 'POST',
          headers: { authorization: basic({ clientId, clientSecret }) },
          body: new URLSearchParams({ token: 'none' }),
        }),
      ),
    )
    const refused = replies.filter(({ status }) => status === 401).length
    assert.ok(refused === 0 || refused === replies.length)
    return refused === 0
  }

  test('replaces the old one at once, at every instance', async () => {
    const { clientId, secret } = await newClient()
    assert.equal(await works(clientId, secret), true)
    const { status, headers, body } = await change(clientId)
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.deepEqual(Object.keys(body).toSorted(), [
      'client_id',
      'client_secret',
      'client_secret_expires_at',
      'credential_id',
    ])
    assert.equal(body.client_id, clientId)
    assert.equal(body.client_secret_expires_at, 0)
    assert.equal(await works(clientId, body.client_secret), true)
    assert.equal(await works(clientId, secret), false)
  })

  test('leaves the old one for as long as is asked, and is told to the audit', async () => {
    const { clientId, secret } = await newClient()
    const { body } = await change(clientId, { overlap: '24h' })
    assert.equal(await works(clientId, body.client_secret), true)
    assert.equal(await works(clientId, secret), true)
    const overlap = Date.parse(body.overlap_ends_at) - idp.idp.instance.view.databaseNow()
    assert.ok(Math.abs(overlap - 86_400_000) < 60_000, body.overlap_ends_at)
    const audit = await auditReader(idp)
    const [event] = await audit.until({ action: 'credential.rotated', agentId: clientId })
    assert.equal(event?.actor, admin.clientId)
    assert.equal(event?.details.credentialId, body.credential_id)
    assert.doesNotMatch(JSON.stringify(event), /sk_live/)
  })

  test('gives one that ends, where that is asked', async () => {
    const { clientId } = await newClient()
    const expiresAt = new Date(Math.ceil(idp.idp.instance.view.databaseNow() / 1_000) * 1_000 + 3_600_000).toISOString()
    const { body } = await change(clientId, { expiresAt })
    assert.equal(body.client_secret_expires_at * 1_000, Date.parse(expiresAt))
    assert.equal((await change(clientId, { expiresAt: '2020-01-01T00:00:00Z' })).status, 400)
  })

  test('gives the same reply once more to whoever lost it', async () => {
    const { clientId } = await newClient()
    const bearer = await idp.management()
    const ask = () =>
      idp.call(path(clientId), {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'idempotency-key': `change ${clientId}` },
      })
    const first = await ask()
    assert.equal(first.status, 200, JSON.stringify(first.body))
    assert.deepEqual((await ask()).body, first.body)
  })

  test('gives one to a client whose secret was revoked', async () => {
    const { clientId, secret } = await newClient()
    const { body: first } = await change(clientId, { overlap: '1h' })
    const credential = `/api/v1/agents/${clientId}/credentials/${first.credential_id}`
    assert.equal((await idp.manage('DELETE', credential)).status, 204)
    assert.equal(await works(clientId, first.client_secret), false)
    const { status, body } = await change(clientId)
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(await works(clientId, body.client_secret), true)
    assert.equal(await works(clientId, secret), false)
  })

  test('keeps a secret by which its client signs so that its assertions can be checked', async () => {
    const { clientId } = await registerClient(idp, {
      profile,
      redirect_uris: ['https://client.example/back'],
      token_endpoint_auth_method: 'client_secret_jwt',
    })
    const { status, body } = await change(clientId)
    assert.equal(status, 200, JSON.stringify(body))
    const { document } = await estate.db
      .selectFrom('credentials')
      .select('document')
      .where('credential_id', '=', body.credential_id)
      .executeTakeFirstOrThrow()
    const newest = document?.versions.at(-1)?.publicPart
    assert.equal(typeof newest?.sealedSecret, 'string')
    assert.doesNotMatch(JSON.stringify(newest), new RegExp(body.client_secret))
  })

  const codeOf = ({ status, body }: Reply) => [status, body.code]

  test('is refused for a client that has none, for an agent, and for nobody', async () => {
    const { clientId } = await registerClient(idp)
    const byKey = await change(clientId)
    assert.deepEqual(codeOf(byKey), [400, 'INVALID_CLIENT_METADATA'])
    assert.match(byKey.body.message, /its keys are changed at \/api\/clients\/:clientId\/jwks/)
    assert.deepEqual(codeOf(await change(agent.clientId)), [404, 'UNKNOWN_CLIENT'])
    assert.deepEqual(codeOf(await change('nobody')), [404, 'UNKNOWN_CLIENT'])
  })

  test('is refused where it makes no sense', async () => {
    const { clientId, secret } = await newClient()
    for (const body of [{ overlap: 'long' }, { overlap: '91d' }, { overlp: '1h' }, { client_secret: 'mine' }]) {
      assert.deepEqual(codeOf(await change(clientId, body)), [400, 'INVALID_REQUEST'])
    }
    assert.equal(await works(clientId, secret), true)
    await idp.manage('POST', `/api/v1/agents/${clientId}/decommission`)
    assert.deepEqual(codeOf(await change(clientId)), [409, 'AGENT_DECOMMISSIONED'])
  })

  test('is for administrators of registrations only, of the same organization', async () => {
    const { clientId } = await newClient()
    const narrow = await idp.token(admin, { scope: 'admin.api agents:write' })
    const refused = await idp.manage('POST', path(clientId), {}, narrow.body.access_token)
    assert.deepEqual(codeOf(refused), [403, 'INSUFFICIENT_SCOPE'])
    const reads = await idp.manage('POST', path(clientId), {}, await idp.management(reader))
    assert.deepEqual(codeOf(reads), [403, 'INSUFFICIENT_SCOPE'])
    await estate.db.updateTable('agents').set({ organization_id: 'acme' }).where('agent_id', '=', clientId).execute()
    assert.deepEqual(codeOf(await change(clientId)), [403, 'FORBIDDEN'])
  })

  test('is refused to whoever may not do all that the client may', async () => {
    const { clientId } = await newClient()
    await estate.db
      .updateTable('agents')
      .set({ scopes: ['keyrings:write'] })
      .where('agent_id', '=', clientId)
      .execute()
    const narrow = await idp.token(admin, { scope: 'admin.api dcr.admin' })
    const refused = await idp.manage('POST', path(clientId), {}, narrow.body.access_token)
    assert.deepEqual(codeOf(refused), [403, 'INSUFFICIENT_SCOPE'])
    assert.equal((await change(clientId)).status, 200)
  })
})
