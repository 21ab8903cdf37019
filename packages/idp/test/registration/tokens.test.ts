import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { newKey, registerClient, sendAs, type TestClient } from './client.ts'

const invalid = [401, 'invalid_token']

describe('a registration access token', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let eager: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    eager = await estate.instance({ REKEY_RAT_RENEW_AFTER: '0s', REKEY_ISSUER: idp.url })
  })
  after(() => estate.stop())

  const read = async (client: TestClient, rat = client.rat) => {
    const { status, body } = await sendAs(idp, rat, 'GET', client.path)
    return status === 200 ? [200, body.registration_access_token] : [status, body.error]
  }
  const rename = async (
    instance: TestInstance,
    client: TestClient,
    rat = client.rat,
    client_name: string | null = 'x',
  ) => sendAs(instance, rat, 'PATCH', client.path, { client_name })
  const events = (action: string, clientId: string) =>
    estate.db
      .selectFrom('audit_events')
      .selectAll()
      .where('action', '=', action)
      .where('agent_id', '=', clientId)
      .orderBy('inserted')
      .execute()

  test('reads the registration it is for, and is told again', async () => {
    const client = await registerClient(idp)
    assert.deepEqual(await read(client), [200, client.rat])
    const { body, headers } = await sendAs(idp, client.rat, 'GET', client.path)
    assert.deepEqual(body, client.metadata)
    assert.deepEqual([headers.get('etag'), headers.get('cache-control')], ['"1"', 'no-store'])
  })

  test('that is missing, unknown, of another sort or of another client is refused alike', async () => {
    const [client, other] = [await registerClient(idp), await registerClient(idp)]
    const replies = [
      await idp.call(client.path),
      ...(await Promise.all(
        [`rkr_${'x'.repeat(43)}`, await idp.management(), other.rat].map((rat) => sendAs(idp, rat, 'GET', client.path)),
      )),
      await sendAs(idp, client.rat, 'GET', '/api/oidc/register/nobody'),
    ]
    for (const { status, body } of replies) assert.deepEqual([status, body], [401, replies[0]?.body])
    assert.equal(replies[0]?.body.error, 'invalid_token')
    const counted = async () =>
      /rekey_registrations_total{outcome="refused"} (\d+)/.exec((await idp.call('/metrics')).body)?.[1]
    const before = Number((await counted()) ?? 0)
    await sendAs(idp, other.rat, 'GET', client.path)
    assert.equal(Number((await counted()) ?? 0), before, 'nobody wanted to change anything')
    await sendAs(idp, other.rat, 'DELETE', client.path)
    assert.equal(Number(await counted()), before + 1)
  })

  test('that has expired is refused', async () => {
    const client = await registerClient(idp)
    await estate.db
      .updateTable('registration_access_tokens')
      .set({ expires_at: new Date(0) })
      .where('client_id', '=', client.clientId)
      .execute()
    assert.deepEqual(await read(client), invalid)
  })

  test('lives as long as is configured, or for ever', async () => {
    const forever = await estate.instance({ REKEY_RAT_TTL: '0s', REKEY_ISSUER: idp.url })
    const expiresAt = async ({ clientId }: TestClient) =>
      (
        await estate.db
          .selectFrom('registration_access_tokens')
          .select('expires_at')
          .where('client_id', '=', clientId)
          .executeTakeFirstOrThrow()
      ).expires_at
    const days = ((await expiresAt(await registerClient(idp))) - Date.now()) / 86_400_000
    assert.ok(days > 364 && days < 366)
    assert.equal(await expiresAt(await registerClient(forever)), 253_402_300_799_000)
    await forever.close()
  })

  test('that is young is not renewed', async () => {
    const client = await registerClient(idp)
    const { body } = await rename(idp, client)
    assert.equal(body.registration_access_token, client.rat)
  })

  test('that is old is renewed by a change, and not by reading', async () => {
    const client = await registerClient(idp)
    assert.equal((await sendAs(eager, client.rat, 'GET', client.path)).body.registration_access_token, client.rat)
    const { body } = await rename(eager, client)
    assert.notEqual(body.registration_access_token, client.rat)
    assert.match(body.registration_access_token, /^rkr_/)
  })

  test('stays good until its successor is used; whoever lost the reply is told the same successor', async () => {
    const client = await registerClient(idp)
    const next = (await rename(eager, client)).body.registration_access_token
    assert.deepEqual(await read(client), [200, client.rat])
    const again = await rename(eager, client, client.rat, 'y')
    assert.equal(again.body.registration_access_token, next)
    const issued = await events('registration_token.issued', client.clientId)
    assert.deepEqual(
      issued.map(({ details }) => details.by),
      ['registration', 'renewal'],
    )
    const row = await estate.db
      .selectFrom('registration_access_tokens')
      .selectAll()
      .where('state', '=', 'pending')
      .where('client_id', '=', client.clientId)
      .executeTakeFirstOrThrow()
    assert.ok(!JSON.stringify(row).includes(next))
  })

  test('whose successor was used is dead, and presenting it is noticed', async () => {
    const client = await registerClient(idp)
    const next = (await rename(eager, client)).body.registration_access_token
    assert.deepEqual(await read(client, next), [200, next])
    assert.equal((await events('registration_token.renewed', client.clientId)).length, 1)
    const counted = async () =>
      /rekey_registration_token_replays_total (\d+)/.exec((await idp.call('/metrics')).body)?.[1]
    const before = Number(await counted())
    assert.deepEqual(await read(client), invalid)
    assert.equal(Number(await counted()), before + 1)
    await idp.idp.instance.gathered.flush()
    const [event] = await events('registration_token.replayed', client.clientId)
    assert.deepEqual([event?.outcome, event?.actor], ['refused', client.clientId])
    assert.deepEqual(await read(client, next), [200, next])
  })

  test('is renewed once though the client asks many times at once, and its successor is used so as well', async () => {
    const client = await registerClient(idp)
    const replies = await Promise.all(Array.from({ length: 6 }, (_, i) => rename(eager, client, client.rat, `n${i}`)))
    const told = new Set(replies.map(({ body }) => body.registration_access_token))
    assert.equal(told.size, 1)
    const [next = ''] = told
    const reads = await Promise.all(Array.from({ length: 6 }, () => read(client, next)))
    for (const each of reads) assert.deepEqual(each, [200, next])
    assert.equal((await events('registration_token.renewed', client.clientId)).length, 1)
  })

  test('is issued anew by an administrator; all earlier ones are dead, and none of them is a tripwire', async () => {
    const client = await registerClient(idp)
    const pending = (await rename(eager, client)).body.registration_access_token
    const { status, body } = await idp.manage('POST', `/api/admin/dcr/clients/${client.clientId}/tokens`)
    assert.equal(status, 201)
    assert.equal(body.registration_client_uri, client.uri)
    assert.ok(Date.parse(body.expires_at) > Date.now())
    for (const dead of [client.rat, pending]) assert.deepEqual(await read(client, dead), invalid)
    assert.deepEqual(await read(client, body.registration_access_token), [200, body.registration_access_token])
    await idp.idp.instance.gathered.flush()
    assert.equal((await events('registration_token.replayed', client.clientId)).length, 0)
  })

  test('of a suspended client is refused until it is reactivated', async () => {
    const client = await registerClient(idp)
    await idp.manage('POST', `/api/v1/agents/${client.clientId}/suspend`)
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const { status, body } = await sendAs(idp, client.rat, method, client.path, method === 'PATCH' ? {} : undefined)
      assert.deepEqual([status, body.error], [403, 'unauthorized_client'], method)
    }
    await idp.manage('POST', `/api/v1/agents/${client.clientId}/reactivate`)
    assert.deepEqual(await read(client), [200, client.rat])
  })

  test('of a deleted client says that it is gone, and one of nobody does not', async () => {
    const client = await registerClient(idp)
    const key = client.key
    assert.equal((await sendAs(idp, client.rat, 'DELETE', client.path)).status, 204)
    assert.deepEqual(await read(client), [404, 'not_found'])
    assert.deepEqual(await read(client, `rkr_${'y'.repeat(43)}`), invalid)
    const change = await sendAs(idp, client.rat, 'PATCH', client.path, { jwks: { keys: [key.jwk, newKey().jwk] } })
    assert.equal(change.status, 404)
    const agent = await idp.manage('GET', `/api/v1/agents/${client.clientId}`)
    assert.equal(agent.body.status, 'decommissioned')
    for (const action of ['client.deleted', 'agent.decommissioned'])
      assert.equal((await events(action, client.clientId)).length, 1)
  })

  test('that is wrong too often from one address is not looked up any more', async () => {
    const strict = await estate.instance({ REKEY_FAILED_AUTHENTICATION_LIMIT: '3/10m', REKEY_ISSUER: idp.url })
    const client = await registerClient(strict)
    const statuses: number[] = []
    for (let i = 0; i < 5; i += 1) statuses.push((await sendAs(strict, `rkr_${i}`, 'GET', client.path)).status)
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
    assert.equal((await sendAs(strict, client.rat, 'GET', client.path)).status, 200)
    await strict.close()
  })
})
