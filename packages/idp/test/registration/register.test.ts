import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { stateAdapter } from '../../src/oidc/state/adapter.ts'
import { auditReader } from '../audit/reading.ts'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { askRegistration, initialToken, newKey, registerClient, sendAs, tokenByKey } from './client.ts'

const path = '/api/oidc/register'
const redirect_uris = ['https://app.example/callback']

describe('a registration', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const events = async (action: string, agentId: string) =>
    (await estate.db.selectFrom('audit_events').selectAll().where('action', '=', action).execute()).filter(
      (event) => event.agent_id === agentId,
    )

  test('that names no profile is by the one that fits what it says', async () => {
    const by = async (metadata: object) => (await askRegistration(idp, { ...metadata })).body.client_profile
    assert.equal(await by({ key: newKey() }), 'default')
    assert.equal(await by({ redirect_uris, key: newKey() }), 'code-flow-pkjwt')
    assert.equal(await by({ redirect_uris }), 'code-flow-secret')
    assert.equal(await by({ redirect_uris, token_endpoint_auth_method: 'client_secret_post' }), 'code-flow-secret')
    assert.equal(await by({ redirect_uris, token_endpoint_auth_method: 'none' }), 'spa')
    const { token: iat } = await initialToken(idp, { client_profile: 'spa' })
    assert.equal(await by({ iat, redirect_uris }), 'spa')
    const forgot = await askRegistration(idp, { grant_types: ['authorization_code'], key: newKey() })
    assert.deepEqual([forgot.status, forgot.body.error], [400, 'invalid_redirect_uri'])
    assert.match(forgot.body.error_description, /redirect_uris/)
  })

  test('that asks for what its profile does not allow is told of client_profile', async () => {
    const wish = { profile: 'default', grant_types: ['authorization_code'], redirect_uris, key: newKey() }
    const { status, body } = await askRegistration(idp, wish)
    assert.equal(status, 400)
    assert.match(body.error_description, /allows client_credentials; for more, register by another client_profile/)
  })

  test('makes a client that gets tokens by its key at once', async () => {
    const client = await registerClient(idp, { client_name: 'nightly' })
    assert.match(client.clientId, /^[0-9a-f-]{36}$/)
    assert.match(client.rat, /^rkr_[\w-]{43}$/)
    assert.equal(client.uri, `${idp.url}${path}/${client.clientId}`)
    assert.equal(client.etag, '"1"')
    assert.deepEqual(client.metadata.jwks.keys, [{ ...client.key.jwk }])
    assert.equal((await tokenByKey(idp, client.clientId, client.key)).status, 200)
    const { body } = await idp.manage('GET', '/api/v1/agents?agentType=oidc-client')
    const agent = body.agents.find((each: { agentId: string }) => each.agentId === client.clientId)
    assert.deepEqual([agent.name, agent.status, agent.organizationId], ['nightly', 'active', 'default'])
  })

  test('gives back everything that is registered, with the defaults, and is not to be cached', async () => {
    const reply = await askRegistration(idp, { profile: 'code-flow-pkjwt', key: newKey(), redirect_uris })
    assert.equal(reply.status, 201)
    assert.equal(reply.headers.get('cache-control'), 'no-store')
    const { body } = reply
    assert.deepEqual(body.grant_types, ['authorization_code', 'refresh_token', 'client_credentials'])
    assert.deepEqual(body.response_types, ['code'])
    assert.equal(body.scope, 'openid profile email offline_access')
    assert.equal(body.client_profile, 'code-flow-pkjwt')
    assert.equal(body.client_secret, undefined)
    assert.equal(body.client_secret_expires_at, undefined)
    assert.ok(Math.abs(body.client_id_issued_at - Date.now() / 1_000) < 60)
  })

  test('without scope says none, and is refused redirect URIs that no grant of it uses', async () => {
    assert.ok(!('scope' in (await registerClient(idp, { redirect_uris: [] })).metadata))
    for (const wish of [{ profile: 'default' }, { profile: 'code-flow-pkjwt', grant_types: ['client_credentials'] }]) {
      const { status, body } = await askRegistration(idp, { ...wish, key: newKey(), redirect_uris })
      assert.deepEqual([status, body.error], [400, 'invalid_redirect_uri'], JSON.stringify(wish))
      assert.match(body.error_description, /leave them out, or register by a client_profile with authorization_code/)
    }
  })

  test('that is refused for a key says which, by its place from 1 on and by its kid', async () => {
    const { kid: _unnamed, ...unnamed } = newKey().jwk
    const cases = [
      [[{ ...newKey('mine').jwk, d: 'x' }], /^jwks: key 1 of 1 \(kid mine\): this is a private key/],
      [[newKey().jwk, { ...unnamed, alg: 'RS256' }], /^jwks: key 2 of 2: alg/],
      [[{ kty: 'oct', k: 'x', kid: 'a\nb' }], /^jwks: key 1 of 1: a shared secret/],
    ] as const
    for (const [keys, says] of cases) {
      const { status, body } = await askRegistration(idp, { jwks: { keys } })
      assert.equal(status, 400)
      assert.match(body.error_description, says)
    }
  })

  test('drops members that are not known, and stores none of them', async () => {
    const { clientId, metadata } = await registerClient(idp, { first_party: true, firstParty: true, evil: 'x' })
    assert.deepEqual([metadata.first_party, metadata.firstParty, metadata.evil], [undefined, undefined, undefined])
    const row = await estate.db
      .selectFrom('clients')
      .selectAll()
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow()
    assert.doesNotMatch(JSON.stringify(row), /evil|first_party|firstParty|client_secret"/)
  })

  test('tells a secret once where the client authenticates by one, and the secret is good', async () => {
    const client = await registerClient(idp, {
      profile: 'code-flow-secret',
      redirect_uris,
      grant_types: ['client_credentials', 'authorization_code'],
    })
    assert.match(client.secret, /^sk_live_/)
    assert.equal(client.metadata.client_secret_expires_at, 0)
    assert.equal((await idp.token({ clientId: client.clientId, clientSecret: client.secret })).status, 200)
    const read = await sendAs(idp, client.rat, 'GET', client.path)
    assert.equal(read.body.client_secret, undefined)
    const { body } = await idp.manage('GET', `/api/v1/agents/${client.clientId}/credentials`)
    assert.equal(body.credentials.length, 1)
  })

  test('never stores a client secret in metadata, whatever is sent', async () => {
    const chosen = `sk_live_${'e'.repeat(64)}`
    const client = await registerClient(idp, { profile: 'code-flow-secret', redirect_uris, client_secret: chosen })
    assert.notEqual(client.secret, chosen)
    assert.equal((await idp.token({ clientId: client.clientId, clientSecret: chosen })).status, 401)
  })

  test('of a public client brings neither secret nor key', async () => {
    const { metadata } = await registerClient(idp, { profile: 'spa', redirect_uris })
    assert.deepEqual(
      [metadata.token_endpoint_auth_method, metadata.client_secret, metadata.jwks],
      ['none', undefined, undefined],
    )
  })

  test('leaves its events, by whom its token was made for, and no secret in them', async () => {
    const { id, token } = await initialToken(idp, { label: 'for the audit' })
    const client = await registerClient(idp, { iat: token, profile: 'code-flow-secret', redirect_uris })
    for (const action of ['initial_access_token.used', 'client.registered', 'registration_token.issued']) {
      const [event, ...more] = await events(action, client.clientId)
      assert.deepEqual([event?.actor, more.length], [`initial-access-token/${id}`, 0], action)
    }
    const all = JSON.stringify(await estate.db.selectFrom('audit_events').selectAll().execute())
    for (const secret of [token, client.rat, client.secret]) assert.ok(!all.includes(secret))
    for (const line of idp.lines)
      for (const secret of [token, client.rat, client.secret]) assert.ok(!line.includes(secret))
  })

  describe('with a wish for its id', () => {
    test('gets it where it is free', async () => {
      assert.equal((await registerClient(idp, { client_id: 'bff-server' })).clientId, 'bff-server')
      const taken = await askRegistration(idp, { client_id: 'bff-server', key: newKey() })
      assert.deepEqual([taken.status, taken.body.error], [400, 'invalid_client_metadata'])
      assert.match(taken.body.error_description, /taken/)
    })

    test('is refused ids that are malformed, reserved, those of agents, or like those of accounts', async () => {
      const uuid = '11111111-2222-4333-8444-555555555555'
      for (const client_id of ['', 'a/b', 'a b', '.', '..', 'rekey', 'x'.repeat(101), 'é', 'admin-1', uuid]) {
        const { status, body } = await askRegistration(idp, { client_id, key: newKey() })
        assert.deepEqual([status, body.error], [400, 'invalid_client_metadata'], client_id)
      }
    })

    test('may take again what was deleted, with tokens that are good at once', async () => {
      const first = await registerClient(idp, { client_id: 'comes-again' })
      const { body: old } = await tokenByKey(idp, first.clientId, first.key)
      assert.equal((await sendAs(idp, first.rat, 'DELETE', first.path)).status, 204)
      const second = await registerClient(idp, { client_id: 'comes-again' })
      assert.equal((await sendAs(idp, first.rat, 'GET', first.path)).status, 401)
      const { body } = await tokenByKey(idp, second.clientId, second.key)
      const audit = await auditReader(idp)
      const active = async (token: string) =>
        (
          await idp.call('/api/v1/token/introspect', {
            method: 'POST',
            headers: { authorization: `Bearer ${audit.bearer}` },
            body: new URLSearchParams({ token }),
          })
        ).body.active
      assert.deepEqual([await active(body.access_token), await active(old.access_token)], [true, false])
      assert.equal((await tokenByKey(idp, first.clientId, first.key)).status, 401)
    })
  })

  describe('by a token that is bound to a client', () => {
    const bound = (client_id: string) => initialToken(idp, { client_id })

    test('registers under that id, and no other', async () => {
      const { token } = await bound('bound-1')
      assert.equal((await askRegistration(idp, { iat: token, client_id: 'other', key: newKey() })).status, 400)
      assert.equal((await registerClient(idp, { iat: token })).clientId, 'bound-1')
    })

    test('registers anew in place: old tokens, keys and secrets are dead', async () => {
      const first = await registerClient(idp, {
        client_id: 'bound-2',
        profile: 'code-flow-secret',
        grant_types: ['client_credentials'],
      })
      const credential = { clientId: first.clientId, clientSecret: first.secret }
      assert.equal((await idp.token(credential)).status, 200)
      const second = await registerClient(idp, { iat: (await bound('bound-2')).token })
      assert.equal(second.clientId, first.clientId)
      assert.equal(second.metadata.client_profile, 'default')
      assert.equal((await idp.token(credential)).status, 401)
      assert.equal((await sendAs(idp, first.rat, 'GET', first.path)).status, 401)
      assert.equal((await tokenByKey(idp, second.clientId, second.key)).status, 200)
    })

    test('registers anew in place: what users granted the one before has ended', async () => {
      const { clientId } = await registerClient(idp, { client_id: 'bound-4', profile: 'spa', redirect_uris })
      const refreshTokens = stateAdapter(idp.idp.instance)('RefreshToken')
      const given = { kind: 'RefreshToken', accountId: 'ada' }
      await refreshTokens.upsert('of the one before', { ...given, clientId }, 600)
      await refreshTokens.upsert('of another', { ...given, clientId: 'another' }, 600)
      await registerClient(idp, { iat: (await bound('bound-4')).token, profile: 'spa', redirect_uris })
      assert.equal(await refreshTokens.find('of the one before'), undefined)
      assert.ok(await refreshTokens.find('of another'))
    })

    test('does not let a suspended client in again', async () => {
      const client = await registerClient(idp, { client_id: 'bound-3' })
      assert.equal((await idp.manage('POST', `/api/v1/agents/${client.clientId}/suspend`)).status, 200)
      const { status, body } = await askRegistration(idp, { iat: (await bound('bound-3')).token, key: newKey() })
      assert.deepEqual([status, body.error], [403, 'unauthorized_client'])
    })

    test('is not made for an agent that did not register', async () => {
      const body = { label: 'x', client_id: 'admin-1' }
      const reply = await idp.manage('POST', '/api/admin/dcr/initial-access-tokens', body)
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_CLIENT_METADATA'])
    })
  })
})
