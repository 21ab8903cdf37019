import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { admin, type Estate, startEstate, type TestInstance } from '../estate.ts'
import { changesOf } from './changes.ts'
import { newKey, registerClient, sendAs, tokenByKey } from './client.ts'

const redirect_uris = ['https://app.example/callback']

describe('a change of a registration', { timeout: 180_000 }, () => {
  let estate: Estate
  let idp: TestInstance

  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())
  const { patch, put, read, refused } = changesOf(() => idp)

  describe('by PATCH', () => {
    test('changes what it names and nothing else', async () => {
      const client = await registerClient(idp, {
        profile: 'code-flow-pkjwt',
        redirect_uris,
        client_name: 'a',
        contacts: ['a@b.example'],
      })
      const { status, headers, body } = await patch(client, { client_name: 'b' })
      assert.equal(status, 200)
      assert.equal(headers.get('etag'), '"2"')
      assert.deepEqual(body, { ...client.metadata, client_name: 'b' })
      assert.deepEqual(await read(client), body)
      assert.equal((await idp.manage('GET', `/api/v1/agents/${client.clientId}`)).body.name, 'b')
    })

    test('takes away what is null, and then there is the default again', async () => {
      const client = await registerClient(idp, {
        profile: 'code-flow-pkjwt',
        redirect_uris,
        client_name: 'a',
        default_max_age: 60,
        grant_types: ['authorization_code'],
      })
      const { body } = await patch(client, { client_name: null, default_max_age: null, grant_types: null })
      assert.deepEqual([body.client_name, body.default_max_age], [undefined, undefined])
      assert.deepEqual(body.grant_types, ['authorization_code', 'refresh_token', 'client_credentials'])
      assert.match(await refused(client, { redirect_uris: null }, 'invalid_redirect_uri'), /redirect_uris/)
      assert.match(await refused(client, { jwks: null }), /needs a key/)
    })

    test('understands application/merge-patch+json as well, and nothing that is not JSON', async () => {
      const client = await registerClient(idp)
      const typed = (type: string, body: string, method = 'PATCH') =>
        sendAs(idp, client.rat, method, client.path, body, { 'content-type': type })
      assert.equal((await typed('application/merge-patch+json', '{"client_name":"x"}')).status, 200)
      assert.equal((await typed('application/merge-patch+json', '{}', 'PUT')).status, 415)
      for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data']) {
        const { status, body } = await typed(type, 'client_name=x')
        assert.deepEqual([status, body.error], [415, 'invalid_request'], type)
      }
      for (const text of ['{', '', 'null', '[]', '"x"', '{"a":1}x']) {
        assert.equal((await typed('application/json', text)).status, 400, text)
      }
    })

    test('is refused members that make a prototype', async () => {
      const client = await registerClient(idp)
      for (const text of [
        '{"__proto__":{"client_name":"x"}}',
        '{"constructor":{"prototype":{"x":1}}}',
        '{"jwks":{"__proto__":{"keys":[]}}}',
      ]) {
        for (const type of ['application/json', 'application/merge-patch+json']) {
          const reply = await sendAs(idp, client.rat, 'PATCH', client.path, text, { 'content-type': type })
          assert.equal(reply.status, 400, text)
        }
      }
      assert.equal(({} as Record<string, unknown>).client_name, undefined)
    })

    test('is refused what the server says', async () => {
      const client = await registerClient(idp, { profile: 'code-flow-secret', redirect_uris })
      for (const member of [
        'client_secret',
        'client_secret_expires_at',
        'registration_access_token',
        'registration_client_uri',
        'client_id_issued_at',
      ]) {
        for (const value of ['x', null, 0, client.secret]) await refused(client, { [member]: value })
      }
      await refused(client, { client_id: 'other' })
      await refused(client, { client_profile: 'spa' })
      assert.equal(
        (await patch(client, { client_id: client.clientId, client_profile: 'code-flow-secret' })).status,
        200,
      )
    })

    test('is refused what its profile does not allow, in each way to ask for it', async () => {
      const client = await registerClient(idp)
      await refused(client, { grant_types: ['authorization_code'], redirect_uris })
      await refused(client, { response_types: ['code'], redirect_uris })
      await refused(client, { grant_types: ['client_credentials', 'implicit'] })
      await refused(client, { token_endpoint_auth_method: 'none' })
      await refused(client, { token_endpoint_auth_method: 'client_secret_basic' })
      assert.match(
        await refused(client, { redirect_uris }, 'invalid_redirect_uri'),
        /no grant that uses one; leave them out/,
      )
      assert.equal(
        (await put(client, { jwks: client.metadata.jwks, redirect_uris })).body.error,
        'invalid_redirect_uri',
      )
      assert.equal((await patch(client, { redirect_uris: [] })).status, 200)
      await refused(client, { client_name: 7 })
      await refused(client, { client_name: 'a\u0000b' })
      await refused(client, { sector_identifier_uri: 'https://app.example/s' })
    })

    test('gives no scope beyond the profile, least of all one that administers', async () => {
      const client = await registerClient(idp)
      assert.ok(!('scope' in client.metadata), 'there is no empty scope')
      for (const scope of ['admin.api', 'reports:read', 'openid']) {
        assert.match(await refused(client, { scope }, 'invalid_scope'), /may have none/)
      }
      const web = await registerClient(idp, { profile: 'spa', redirect_uris, scope: 'openid profile' })
      for (const scope of ['openid nonsense', 'openid admin.api', 'openid  x']) {
        assert.match(await refused(web, { scope }, 'invalid_scope'), /may have openid /)
        const { status, body } = await put(web, { redirect_uris, scope })
        assert.deepEqual([status, body.error], [400, 'invalid_scope'], scope)
      }
      assert.equal((await patch(web, { scope: 'email openid' })).body.scope, 'email openid')
      await idp.manage('PATCH', `/api/v1/agents/${client.clientId}`, { scopes: ['reports:read', 'reports:write'] })
      assert.equal((await patch(client, { client_name: 'x' })).body.scope, 'reports:read reports:write')
      assert.equal((await patch(client, { scope: 'reports:read' })).body.scope, 'reports:read')
      await refused(client, { scope: 'reports:read reports:write' }, 'invalid_scope')
      assert.equal((await tokenByKey(idp, client.clientId, client.key, { scope: 'reports:write' })).status, 400)
    })

    test('leaves its event, by the names of members', async () => {
      const client = await registerClient(idp, { client_name: 'a' })
      const key = newKey()
      await patch(client, { client_name: 'b', jwks: { keys: [client.key.jwk, key.jwk] } })
      await patch(client, { client_name: 'b' })
      const events = await estate.db
        .selectFrom('audit_events')
        .selectAll()
        .where('action', '=', 'client.updated')
        .where('agent_id', '=', client.clientId)
        .execute()
      assert.deepEqual(
        events.map(({ details, actor }) => [actor, details]),
        [[client.clientId, { members: ['client_name', 'jwks'], kidsAdded: [key.kid] }]],
      )
      assert.equal((await sendAs(idp, client.rat, 'GET', client.path)).headers.get('etag'), '"2"')
    })
  })

  describe('by PUT', () => {
    test('replaces everything: what is not named falls back to its default', async () => {
      const client = await registerClient(idp, {
        profile: 'code-flow-pkjwt',
        redirect_uris,
        client_name: 'a',
        default_max_age: 9,
      })
      const { jwks } = client.metadata
      const { status, body } = await put(client, { jwks, redirect_uris: ['https://b.example/'] })
      assert.equal(status, 200)
      assert.deepEqual(
        [body.client_name, body.default_max_age, body.redirect_uris],
        [undefined, undefined, ['https://b.example/']],
      )
      assert.equal(body.scope, 'openid profile email offline_access')
      assert.equal((await put(client, { redirect_uris })).status, 400)
    })

    test('takes what was read, without what the server said', async () => {
      const client = await registerClient(idp, { profile: 'code-flow-pkjwt', redirect_uris })
      const { registration_access_token, registration_client_uri, client_id_issued_at, ...rest } = await read(client)
      const { status, body } = await put(client, { ...rest, client_name: 'new' })
      assert.equal(status, 200)
      assert.deepEqual(body, { ...client.metadata, client_name: 'new' })
      for (const said of [
        { registration_access_token },
        { registration_client_uri },
        { client_id_issued_at },
        { client_secret_expires_at: 0 },
      ]) {
        assert.equal((await put(client, { ...rest, ...said })).status, 400)
      }
    })

    test('names the client by its own id, and no secret but its own', async () => {
      const client = await registerClient(idp, { profile: 'code-flow-secret', redirect_uris })
      const send = (body: object) => sendAs(idp, client.rat, 'PUT', client.path, body)
      assert.equal((await send({ redirect_uris })).status, 400)
      assert.equal((await send({ redirect_uris, client_id: 'x' })).status, 400)
      assert.equal((await put(client, { redirect_uris, client_secret: client.secret })).status, 200)
      const chosen = await put(client, { redirect_uris, client_secret: `sk_live_${'1'.repeat(64)}` })
      assert.deepEqual([chosen.status, chosen.body.error], [400, 'invalid_client_metadata'])
    })

    test('drops members that are not known', async () => {
      const client = await registerClient(idp)
      const { body } = await put(client, { jwks: client.metadata.jwks, evil: 1, first_party: true })
      assert.deepEqual([body.evil, body.first_party], [undefined, undefined])
    })
  })

  test('is refused what is too large', async () => {
    const client = await registerClient(idp)
    const { status, body } = await patch(client, { client_name: 'x'.repeat(100_000) })
    assert.deepEqual([status, body.error], [413, 'invalid_request'])
  })

  test('by an administrator of the agents API ends what it ended before, and the registration with it', async () => {
    const client = await registerClient(idp)
    const gone = await idp.manage('DELETE', `/api/v1/agents/${client.clientId}`, undefined, await idp.management(admin))
    assert.equal(gone.status, 204)
    assert.equal((await patch(client, { client_name: 'x' })).status, 404)
  })

  test('is of no effect where its transaction ends before its time', async () => {
    const client = await registerClient(idp)
    const before = await read(client)
    await sql`ALTER TABLE changes ADD CONSTRAINT broken CHECK (key <> ${sql.lit(client.clientId)}) NOT VALID`.execute(
      estate.db,
    )
    const { status } = await patch(client, { client_name: 'x', jwks: { keys: [newKey().jwk] } })
    await sql`ALTER TABLE changes DROP CONSTRAINT broken`.execute(estate.db)
    assert.equal(status, 500)
    assert.deepEqual(await read(client), before)
  })
})
