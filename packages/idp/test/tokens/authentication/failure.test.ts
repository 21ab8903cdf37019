import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { hashSecret } from '../../../src/credentials/secret.ts'
import { assertionType } from '../../../src/tokens/form.ts'
import {
  admin,
  agent,
  basic,
  type Estate,
  eventually,
  reader,
  startEstate,
  type TestInstance,
  verifier,
} from '../../estate.ts'
import { addClients, asking, eventsOf, post, whileLocked } from '../clients.ts'

const wrong = (credential: typeof agent) => ({ ...credential, clientSecret: 'sk_live_wrong' })

describe('client authentication', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    await addClients(estate)
    idp = await estate.instance({ REKEY_FAILED_AUTHENTICATION_LIMIT: '1000/1h' })
  })
  after(() => estate.stop())

  /** How often a request made this instance ask the database, beside what it does by itself. */
  async function readsOf(act: () => Promise<{ status: number }>, status: number): Promise<number> {
    const { pool } = idp.idp.instance.connection
    let reads = 0
    const count = () => reads++
    pool.on('acquire', count)
    assert.equal((await act()).status, status)
    pool.off('acquire', count)
    return reads
  }

  async function failures() {
    await idp.idp.instance.gathered.flush()
    return (await eventsOf(estate, 'auth.failed')).map(({ details, ...event }) => {
      const { cause, count, address } = details as Record<string, unknown>
      return { actor: event.actor, organization: event.organization_id, cause, count, address }
    })
  }

  test('that succeeds waits for no database', async () => {
    await idp.token(agent)
    await whileLocked(estate, async () => assert.equal((await idp.token(agent)).status, 200))
    assert.equal(await readsOf(() => idp.token(agent), 200), 0)
  })

  test('that fails reads the client once, whoever it is said to be', async () => {
    await idp.token(agent)
    await idp.token(reader)
    await idp.manage('POST', `/api/v1/agents/${reader.clientId}/suspend`, {})
    const unknown = { ...agent, clientId: randomUUID() }
    for (const credential of [wrong(agent), unknown, reader, wrong(reader)]) {
      assert.equal(await readsOf(() => idp.token(credential), 401), 1)
    }
  })

  test('that fails takes the same way at introspection, where verifiers come as well', async () => {
    const ask = (by: typeof agent) => post(idp, 'introspect', { token: 'x' }, by)
    await ask(asking)
    await ask(verifier)
    const unknown = { ...agent, clientId: randomUUID() }
    for (const by of [wrong(asking), wrong(verifier), unknown]) assert.equal(await readsOf(() => ask(by), 401), 2)
    for (const by of [asking, verifier]) assert.equal(await readsOf(() => ask(by), 200), 0)
  })

  test('says the same whatever is wrong', async () => {
    const { body } = await idp.token(wrong(agent))
    for (const credential of [{ ...agent, clientId: randomUUID() }, reader, wrong(reader)]) {
      assert.deepEqual((await idp.token(credential)).body, body)
    }
  })

  test('is not refused for what was true once: an instance that was told of nothing looks before it refuses', async () => {
    assert.equal((await idp.token(asking)).status, 200)
    const replaced = { ...asking, clientSecret: `sk_live_${'8'.repeat(64)}` }
    const [before, after] = [asking, replaced].map(({ clientSecret }) => hashSecret(clientSecret).toString('hex'))
    await sql`
      UPDATE credentials SET document = replace(document::text, ${before}, ${after})::jsonb
      WHERE agent_id = ${asking.clientId}`.execute(estate.db)
    assert.equal((await idp.token(replaced)).status, 200)
    assert.equal((await idp.token(asking)).status, 401)
    await sql`
      UPDATE credentials SET document = replace(document::text, ${after}, ${before})::jsonb
      WHERE agent_id = ${asking.clientId}`.execute(estate.db)
    assert.equal((await idp.token(asking)).status, 200)
  })

  test('that fails is gathered for the audit, without what was presented', async () => {
    await idp.idp.instance.gathered.flush()
    const before = (await failures()).length
    const secret = `sk_live_${'9'.repeat(64)}`
    const suspended = await idp.manage('POST', '/api/v1/agents', { name: 'suspended' })
    await idp.manage('POST', `/api/v1/agents/${suspended.body.agentId}/suspend`, {})
    for (let time = 0; time < 3; time++) await idp.token({ ...agent, clientSecret: secret })
    await idp.token({ ...agent, clientId: secret })
    await idp.token({ ...agent, clientId: suspended.body.agentId })
    // Anybody can make up as many of these as he likes.
    for (let time = 0; time < 6; time++) await idp.token({ ...agent, clientId: randomUUID() })
    const news = (await failures()).slice(before)
    assert.deepEqual(
      news.map(({ actor, organization, cause, count }) => [actor, organization, cause, count]).sort(),
      [
        [agent.clientId, 'default', 'secret_wrong', 3],
        ['unknown', null, 'client_unknown', 7],
        [suspended.body.agentId, 'default', 'client_unknown', 1],
      ].sort(),
    )
    assert.ok(news.every(({ address }) => /127\.0\.0\.1|::1/.test(String(address))))
    assert.equal(JSON.stringify(await eventsOf(estate, 'auth.failed')).includes(secret), false)
  })

  test('that is none, or is malformed, is gathered too', async () => {
    await idp.idp.instance.gathered.flush()
    const before = (await failures()).length
    const grant = { grant_type: 'client_credentials', token: 'x' }
    const asserted = { client_assertion_type: assertionType, client_assertion: 'x' }
    for (const [path, authorization, form, status] of [
      ['/api/v1/token', '', {}, 401],
      ['/api/v1/token', 'Basic ###', {}, 401],
      ['/api/v1/token', '', asserted, 401],
      ['/api/v1/token/introspect', '', {}, 401],
      ['/api/v1/token/revoke', 'Digest x', {}, 401],
      ['/api/v1/token', basic(agent), asserted, 400],
    ] as const) {
      const headers: Record<string, string> = authorization === '' ? {} : { authorization }
      const body = new URLSearchParams({ ...grant, ...form })
      assert.equal((await idp.call(path, { method: 'POST', headers, body })).status, status)
    }
    const news = (await failures()).slice(before)
    assert.deepEqual(news.map(({ actor, organization, cause, count }) => [actor, organization, cause, count]).sort(), [
      ['unknown', null, 'credential_malformed', 3],
      ['unknown', null, 'credential_missing', 2],
    ])
  })

  test('that succeeds names the client in what is refused it afterwards', async () => {
    const since = (await eventsOf(estate, 'authorization.refused')).length
    assert.equal((await idp.token(agent, { scope: 'agents:write' })).body.error, 'invalid_scope')
    await idp.idp.instance.gathered.flush()
    const refused = (await eventsOf(estate, 'authorization.refused')).slice(since)
    assert.deepEqual(
      refused.map((event) => [event.actor, event.organization_id, (event.details as { cause: string }).cause]),
      [[agent.clientId, 'default', 'invalid_scope']],
    )
  })

  test('by a secret that has expired by itself is no tripwire; by one that was rotated away it is', async () => {
    const { body } = await idp.manage('POST', '/api/v1/agents', { name: 'rotates' })
    const path = `/api/v1/agents/${body.agentId}/credentials`
    const made = (await idp.manage('POST', path, {})).body
    const old = { clientId: body.agentId, clientSecret: made.clientSecret }
    assert.equal((await idp.token(old)).status, 200)
    const rotated = (await idp.manage('POST', `${path}/${made.credentialId}/rotate`, {})).body
    assert.equal((await idp.token(old)).status, 401)
    assert.equal((await idp.token({ ...old, clientSecret: rotated.clientSecret })).status, 200)
    const expiresAt = new Date(Date.now() + 1_000).toISOString()
    const brief = { ...old, clientSecret: (await idp.manage('POST', path, { expiresAt })).body.clientSecret }
    await eventually(
      () => idp.token(brief),
      ({ status }) => status === 401,
    )
    const causes = (await failures()).filter(({ actor }) => actor === body.agentId).map(({ cause }) => cause)
    assert.deepEqual(causes.sort(), ['expired', 'retired'])
    const tripped = await eventsOf(estate, 'credential.tripwire')
    assert.deepEqual(
      tripped.map(({ details }) => (details as { credentialId: string }).credentialId),
      [made.credentialId],
    )
  })

  test('beyond the limit of an address is put off, and success never is', async () => {
    const limited = await estate.instance({
      REKEY_ISSUER: idp.url,
      REKEY_FAILED_AUTHENTICATION_LIMIT: '5/1h',
      REKEY_ADMINISTRATION_LIMIT: '5/1h',
    })
    for (let time = 0; time < 5; time++) assert.equal((await limited.token(wrong(agent))).status, 401)
    for (const [endpoint, by] of [
      ['introspect', wrong(asking)],
      ['revoke', wrong(admin)],
    ] as const) {
      const reply = await post(limited, endpoint, { token: 'x' }, by)
      assert.deepEqual([reply.status, reply.body.error], [429, 'rate_limited'])
      assert.match(reply.headers.get('retry-after') ?? '', /^3[56]\d\d$/)
    }
    for (let time = 0; time < 20; time++) {
      assert.equal((await limited.token(agent)).status, 200)
      assert.equal((await post(limited, 'introspect', { token: 'x' }, asking)).status, 200)
    }
    for (let time = 0; time < 5; time++) {
      assert.equal((await post(limited, 'revoke', { token: 'x' }, agent)).status, 200)
    }
    assert.equal((await post(limited, 'revoke', { token: 'x' }, agent)).status, 429, 'revocation is administration')
    await limited.close()
  })
})
