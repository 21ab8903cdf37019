import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  admin,
  agent,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  reader,
  startEstate,
  type TestInstance,
  verifier,
} from '../estate.ts'
import { addClients, asking, post, retireKeyOf, stranger, whileLocked } from './clients.ts'

describe('introspection', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    await addClients(estate)
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const ask = (token: string, by: typeof admin | string | null = asking, more: Record<string, string> = {}) =>
    post(idp, 'introspect', { token, ...more }, by)
  const fresh = async (of = agent) => (await idp.token(of)).body.access_token as string
  const isActive = async (token: string, by?: typeof admin | string) => (await ask(token, by)).body.active

  test('tells all about a good JWT', async () => {
    const token = await fresh()
    const reply = await ask(token)
    assert.equal(reply.status, 200)
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    assert.deepEqual(reply.body, { active: true, token_type: 'Bearer', ...decodeUnverified(token).payload })
    assert.deepEqual(
      [reply.body.client_id, reply.body.organization_id, reply.body.scope],
      [agent.clientId, 'default', 'reports:read reports:write'],
    )
  })

  test('tells all about a good opaque token', async () => {
    const token = await idp.management(reader)
    const { iat, exp, ...rest } = (await ask(token)).body
    assert.deepEqual(rest, {
      active: true,
      token_type: 'Bearer',
      iss: idp.url,
      sub: reader.clientId,
      client_id: reader.clientId,
      organization_id: 'default',
      scope: 'keyrings:read',
    })
    assert.equal(exp - iat, 3_600)
    assert.ok(Math.abs(iat * 1_000 - Date.now()) < 60_000)
  })

  test('answers clients, opaque tokens and verifiers, however they authenticate', async () => {
    const token = await fresh()
    const bearer = (await idp.token(asking, { scope: 'tokens:read' })).body.access_token
    assert.equal(await isActive(token, `Bearer ${bearer}`), true)
    assert.equal(await isActive(token, verifier), true)
    assert.equal(await isActive(token, basic(admin)), true)
    const form = { client_id: asking.clientId, client_secret: asking.clientSecret }
    assert.equal((await ask(token, null, form)).body.active, true)
  })

  test('tells nothing of a token of another organization, except to verifiers', async () => {
    const [ours, theirs] = [await fresh(), await fresh(stranger)]
    const opaque = (await idp.token(stranger, { scope: 'tokens:read' })).body.access_token
    for (const token of [theirs, opaque]) {
      assert.deepEqual((await ask(token)).body, { active: false })
      assert.equal(await isActive(token, stranger), true)
      assert.equal(await isActive(token, verifier), true)
    }
    assert.deepEqual((await ask(ours, stranger)).body, { active: false })
    assert.deepEqual((await ask(ours, `Bearer ${opaque}`)).body, { active: false })
  })

  test('takes any hint, and none', async () => {
    const token = await fresh()
    for (const hint of ['access_token', 'refresh_token', 'anything', '']) {
      assert.equal((await ask(token, asking, { token_type_hint: hint })).body.active, true)
    }
  })

  test('calls inactive what is malformed, changed or nobody’s', async () => {
    const [header, payload, signature] = (await fresh()).split('.') as [string, string, string]
    const other = (await fresh()).split('.')[2]
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    const jwt = Buffer.from(JSON.stringify({ ...decodeUnverified(`${header}.${payload}.`).header, typ: 'JWT' }))
    for (const token of [
      'x',
      'a.b.c',
      `${header}.${payload}.`,
      `${header}.${payload}.${other}`,
      `${none}.${payload}.`,
      `${jwt.toString('base64url')}.${payload}.${signature}`,
      `rkt_${'A'.repeat(43)}`,
      'rkt_',
      'é\u0000',
      'x'.repeat(9_000),
    ]) {
      assert.deepEqual((await ask(token)).body, { active: false }, token.slice(0, 40))
    }
  })

  test('calls inactive what is meant for another audience or from another issuer', async () => {
    const other = await estate.instance({ REKEY_AUDIENCE: 'urn:other', REKEY_ISSUER: idp.url })
    const elsewhere = await estate.instance({ REKEY_ISSUER: 'http://elsewhere.example' })
    for (const instance of [other, elsewhere]) {
      const token = (await instance.token(agent)).body.access_token
      assert.deepEqual((await ask(token)).body, { active: false })
      await instance.close()
    }
  })

  test('calls inactive what has expired', async () => {
    const short = await estate.instance({ REKEY_ISSUER: idp.url, REKEY_ACCESS_TOKEN_TTL: '1s' })
    const token = (await short.token(agent)).body.access_token
    const opaque = await short.management(reader)
    const isOver = async () => (await ask(token)).body
    assert.deepEqual(await eventually(isOver, ({ active }) => !active), { active: false })
    await estate.db
      .updateTable('opaque_tokens')
      .set({ expires_at: new Date(0) })
      .execute()
    assert.deepEqual((await ask(opaque)).body, { active: false })
    await short.close()
  })

  test('calls inactive what is denied, by its id, its subject, its client or its issuer', async () => {
    const token = await fresh()
    const { jti, iat } = decodeUnverified(token).payload
    const issuedBefore = new Date((iat + 1) * 1_000).toISOString()
    for (const entry of [
      { jti },
      { sub: agent.clientId, issuedBefore },
      { client_id: agent.clientId, issuedBefore },
      { iss: idp.url, issuedBefore },
      // Verifiers count in whole seconds, and round up.
      { sub: agent.clientId, issuedBefore: new Date(iat * 1_000 + 1).toISOString() },
    ]) {
      await idp.manage('POST', '/api/v1/denied', { entries: [entry] })
      assert.deepEqual((await ask(token)).body, { active: false }, Object.keys(entry)[0])
      await idp.manage('DELETE', '/api/v1/denied', { entries: [entry] })
      assert.equal(await isActive(token), true)
    }
    const earlier = { sub: agent.clientId, issuedBefore: new Date(iat * 1_000).toISOString() }
    await idp.manage('POST', '/api/v1/denied', { entries: [earlier] })
    assert.equal(await isActive(token), true)
    await idp.manage('DELETE', '/api/v1/denied', { entries: [earlier] })
  })

  test('goes on with a key that is retiring, and ends with it', async () => {
    const token = await fresh()
    const { kid } = decodeUnverified(token).header
    const path = '/api/v1/keyrings/signing-es256'
    await idp.manage('POST', `${path}/rotate`)
    for (let active = kid; active === kid; ) active = decodeUnverified(await fresh()).header.kid
    assert.equal(await isActive(token), true, 'retiring')
    assert.equal((await idp.manage('POST', `${path}/revoke`, { id: kid, reason: 'test' })).status, 200)
    assert.deepEqual((await ask(token)).body, { active: false }, 'revoked')
    assert.equal(await isActive(await fresh()), true)
  })

  test('calls inactive what a retired key signed, though it has not expired', async () => {
    const token = await fresh()
    await retireKeyOf(idp, token)
    assert.deepEqual((await ask(token)).body, { active: false })
    assert.equal(await isActive(await fresh()), true)
  })

  test('calls the tokens of a suspended agent inactive at every instance, both forms', async () => {
    const other = await estate.instance({ REKEY_ISSUER: idp.url })
    const [token, opaque] = [await fresh(reader), await idp.management(reader)]
    assert.deepEqual([await isActive(token), await isActive(opaque)], [true, true])
    assert.equal((await idp.manage('POST', `/api/v1/agents/${reader.clientId}/suspend`, {})).status, 200)
    for (const instance of [idp, other]) {
      for (const one of [token, opaque]) {
        assert.deepEqual((await post(instance, 'introspect', { token: one }, asking)).body, { active: false })
      }
    }
    await other.close()
  })

  test('of a JWT waits for no database: keys, deny-list, clients and whoever asks are in memory', async () => {
    const [token, denied] = [await fresh(), await fresh()]
    const { jti } = decodeUnverified(denied).payload
    await idp.manage('POST', '/api/v1/denied', { entries: [{ jti }] })
    for (const by of [asking, verifier]) await ask(token, by)
    await whileLocked(estate, async () => {
      for (const by of [asking, verifier]) {
        assert.equal(await isActive(token, by), true)
        assert.equal(await isActive(denied, by), false)
      }
    })
  })

  test('refuses whoever may not ask', async () => {
    const token = await fresh()
    const bearer = `Bearer ${await idp.management(stranger)}`
    const jwt = `Bearer ${await fresh(asking)}`
    const refusals: [string, Parameters<typeof ask>[1], number, string][] = [
      ['nobody', null, 401, 'invalid_client'],
      ['a wrong secret', { ...asking, clientSecret: 'sk_live_wrong' }, 401, 'invalid_client'],
      ['an unknown client', { ...asking, clientId: 'nobody' }, 401, 'invalid_client'],
      ['a verifier with a wrong secret', { ...verifier, clientSecret: 'sk_live_wrong' }, 401, 'invalid_client'],
      ['a client without the scope', agent, 403, 'insufficient_scope'],
      ['a JWT as Bearer', jwt, 401, 'invalid_token'],
      ['a Bearer that is none', 'Bearer x', 401, 'invalid_token'],
      ['another way', 'Digest x', 401, 'invalid_client'],
    ]
    for (const [what, by, status, error] of refusals) {
      const reply = await ask(token, by)
      assert.deepEqual([reply.status, reply.body.error], [status, error], what)
      assert.equal('active' in reply.body, false)
      if (status === 401) assert.ok(reply.headers.get('www-authenticate'), what)
    }
    const scopeless = await idp.token(admin, { scope: 'agents:read' })
    const reply = await ask(token, `Bearer ${scopeless.body.access_token}`)
    assert.deepEqual([reply.status, reply.body.error], [403, 'insufficient_scope'])
    const twice = await ask(token, bearer, { client_secret: 'x' })
    assert.deepEqual([twice.status, twice.body.error], [400, 'invalid_request'])
  })

  test('refuses what is no form of its kind', async () => {
    const path = '/api/v1/token/introspect'
    const authorization = basic(asking)
    const send = (body: string, type: string) =>
      idp.call(path, { method: 'POST', headers: { authorization, 'content-type': type }, body })
    const form = 'application/x-www-form-urlencoded'
    for (const reply of [
      await send('{"token":"x"}', 'application/json'),
      await send('', form),
      await send('token=', form),
      await send('token=a&token=b', form),
      await send('token=a&client_id=other', form),
      await send('token=a&client_secret=b', form),
    ]) {
      assert.deepEqual([reply.status, reply.body.error], [400, 'invalid_request'])
    }
    assert.equal((await send(`token=${'x'.repeat(20_000)}`, form)).status, 413)
    const get = await idp.call(`${path}?token=x`, { headers: { authorization } })
    assert.deepEqual([get.status, get.headers.get('allow'), get.body.error], [405, 'POST', 'invalid_request'])
    assert.equal((await idp.call('/v1/token/introspect', { method: 'POST' })).body.error, 'invalid_request')
  })
})
