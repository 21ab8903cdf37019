import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { pruneUsedAssertions } from '../../../src/tokens/authentication/used-assertions.ts'
import { admin, basic, type Estate, startEstate, type TestInstance } from '../../estate.ts'
import { eventsOf } from '../clients.ts'
import { type ClientPair, forged, goodClaims, jwkOf, newPair, signed } from './signer.ts'

const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe('a client that signs assertions', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
  })
  after(() => estate.stop())

  /** An agent with this key, and with no secret. */
  async function newClient(pair: ClientPair) {
    const scopes = ['reports:read', 'tokens:read']
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: pair.kid, scopes })).body
    const path = `/api/v1/agents/${agentId}/credentials`
    const made = await idp.manage('POST', path, { jwk: jwkOf(pair) })
    assert.equal(made.status, 201)
    const one = `${path}/${made.body.credentialId}`
    return { agentId: agentId as string, credentialId: made.body.credentialId as string, one }
  }

  const claims = (clientId: string) => goodClaims(clientId, idp.url, Date.now())
  const send = (form: Record<string, string>, at = idp, path = '/api/v1/token', headers = {}) =>
    at.call(path, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', client_assertion_type: type, ...form }),
    })
  const present = (assertion: string, at = idp) => send({ client_assertion: assertion }, at)
  const uses = () => estate.db.selectFrom('used_assertions').selectAll().execute()

  test('gets tokens, asks about them and revokes them', async () => {
    const pair = newPair('all-endpoints')
    const { agentId } = await newClient(pair)
    const reply = await present(signed(pair, claims(agentId)))
    assert.equal(reply.status, 200)
    const token = reply.body.access_token
    const ask = () =>
      send({ token, client_assertion: signed(pair, claims(agentId)) }, other, '/api/v1/token/introspect')
    assert.equal((await ask()).body.client_id, agentId)
    const revoked = await send(
      { token, client_assertion: signed(pair, claims(agentId)), client_id: agentId },
      idp,
      '/api/v1/token/revoke',
    )
    assert.equal(revoked.status, 200)
    assert.deepEqual((await ask()).body, { active: false })
  })

  test('gets an opaque token too, which ends with its key', async () => {
    const pair = newPair('opaque')
    const { agentId, one } = await newClient(pair)
    const reply = await send({ scope: 'management', client_assertion: signed(pair, claims(agentId)) })
    const token = reply.body.access_token
    const ask = async () => (await idp.call('/api/v1/token/introspect', introspecting(token, `Bearer ${token}`))).status
    assert.equal(await ask(), 200)
    await idp.manage('POST', `${one}/revoke`, { reason: 'test' })
    assert.equal(await ask(), 401)
  })

  test('may use an assertion once, wherever it tries again', async () => {
    const pair = newPair('replay')
    const { agentId } = await newClient(pair)
    const assertion = signed(pair, claims(agentId))
    assert.equal((await present(assertion)).status, 200)
    for (const at of [idp, other]) {
      const reply = await present(assertion, at)
      assert.deepEqual([reply.status, reply.body.error], [401, 'invalid_client'])
    }
    const raced = signed(pair, claims(agentId))
    const replies = await Promise.all([idp, other, idp, other].map((at) => present(raced, at)))
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 401, 401, 401])
    const again = { ...claims(agentId), jti: 'one' }
    assert.equal((await present(signed(pair, again))).status, 200)
    assert.equal((await present(signed(pair, { ...claims(agentId), jti: 'one' }))).status, 401, 'signed anew')
    await idp.idp.instance.gathered.flush()
    const causes = (await eventsOf(estate, 'auth.failed')).filter(({ actor }) => actor === agentId)
    assert.ok(causes.some(({ details }) => (details as { cause: string }).cause === 'replayed'))
  })

  test('may call an assertion what another client called its own', async () => {
    const pairs = [newPair('same-1'), newPair('same-2')]
    for (const pair of pairs) {
      const { agentId } = await newClient(pair)
      assert.equal((await present(signed(pair, { ...claims(agentId), jti: 'the same' }))).status, 200)
    }
  })

  test('leaves nothing behind by assertions that are not good, and nothing for long by those that are', async () => {
    const pair = newPair('traces')
    const { agentId } = await newClient(pair)
    const before = (await uses()).length
    for (const bad of [
      signed(newPair('traces'), claims(agentId)),
      signed(pair, { ...claims(agentId), exp: 1 }),
      forged(pair, claims(agentId), 'none'),
      signed(pair, claims('nobody')),
    ]) {
      assert.equal((await present(bad)).status, 401)
    }
    assert.equal((await uses()).length, before)
    await present(signed(pair, claims(agentId)))
    assert.equal((await uses()).length, before + 1)
    await pruneUsedAssertions(estate.db)
    assert.equal((await uses()).length, before + 1, 'it could still be presented')
    await estate.db
      .updateTable('used_assertions')
      .set({ expires_at: new Date(0) })
      .execute()
    await pruneUsedAssertions(estate.db)
    assert.equal((await uses()).length, 0)
  })

  test('is told that its assertion lives too long, and whoever has not its key is not', async () => {
    const pair = newPair('long-lived')
    const { agentId } = await newClient(pair)
    const long = { ...claims(agentId), exp: Math.floor(Date.now() / 1_000) + 3_600 }
    const own = await present(signed(pair, long))
    assert.deepEqual([own.status, own.body.error], [401, 'invalid_client'])
    assert.match(own.body.error_description, /lives longer than five minutes/)
    const other = await present(signed(newPair('long-lived'), long))
    assert.equal(other.body.error_description, 'client authentication failed')
  })

  test('authenticates in one way only, and says who it is in one way', async () => {
    const pair = newPair('ways')
    const { agentId } = await newClient(pair)
    const fresh = () => signed(pair, claims(agentId))
    const authorization = basic({ ...admin, clientId: agentId })
    const cases: [string, Record<string, string>, object, number, string][] = [
      ['a secret beside it', { client_secret: 'x' }, {}, 400, 'invalid_request'],
      ['Basic beside it', {}, { authorization }, 400, 'invalid_request'],
      ['another client_id beside it', { client_id: 'other' }, {}, 400, 'invalid_request'],
      ['another type', { client_assertion_type: 'urn:ietf:params:oauth:x' }, {}, 401, 'invalid_client'],
      ['no type', { client_assertion_type: '' }, {}, 401, 'invalid_client'],
      ['no assertion', { client_assertion: '' }, {}, 401, 'invalid_client'],
      ['what is no JWT', { client_assertion: 'a.b' }, {}, 401, 'invalid_client'],
      ['one of nobody', { client_assertion: signed(pair, { aud: idp.url }) }, {}, 401, 'invalid_client'],
      [
        'one of a client with a zero',
        { client_assertion: signed(pair, claims('a\u0000b')) },
        {},
        401,
        'invalid_client',
      ],
    ]
    for (const [what, form, headers, status, error] of cases) {
      const reply = await send({ client_assertion: fresh(), ...form }, idp, '/api/v1/token', headers)
      assert.deepEqual([reply.status, reply.body.error], [status, error], what)
    }
    assert.equal((await send({ client_assertion: fresh(), client_id: agentId })).status, 200)
  })

  test('goes on with the old key through the overlap, by either name or none', async () => {
    const [old, next] = [newPair('rotated-1'), newPair('rotated-2', 'RS256')]
    const { agentId, one } = await newClient(old)
    const rotated = await idp.manage('POST', `${one}/rotate`, { jwk: jwkOf(next) })
    assert.equal(rotated.status, 200)
    for (const pair of [old, next]) {
      for (const header of [{}, { kid: undefined }]) {
        assert.equal((await present(signed(pair, claims(agentId), header), other)).status, 200)
      }
    }
  })

  test('is refused with a key that was rotated away or revoked, at every instance, and that is a tripwire', async () => {
    const [old, next] = [newPair('ended-1'), newPair('ended-2')]
    const { agentId, credentialId, one } = await newClient(old)
    for (const at of [idp, other]) assert.equal((await present(signed(old, claims(agentId)), at)).status, 200)
    await idp.manage('POST', `${one}/rotate`, { jwk: jwkOf(next), overlap: '0s' })
    for (const at of [idp, other]) assert.equal((await present(signed(old, claims(agentId)), at)).status, 401)
    assert.equal((await present(signed(next, claims(agentId)))).status, 200)
    await idp.manage('POST', `${one}/revoke`, { reason: 'test' })
    for (const at of [idp, other]) assert.equal((await present(signed(next, claims(agentId)), at)).status, 401)
    for (const { idp: running } of [idp, other]) await running.instance.gathered.flush()
    const tripped = (await eventsOf(estate, 'credential.tripwire')).map(({ details }) => details)
    const mine = tripped.filter((details) => (details as { credentialId: string }).credentialId === credentialId)
    assert.ok(mine.length >= 2)
  })

  test('is refused while its agent is suspended', async () => {
    const pair = newPair('suspended')
    const { agentId } = await newClient(pair)
    assert.equal((await present(signed(pair, claims(agentId)))).status, 200)
    await idp.manage('POST', `/api/v1/agents/${agentId}/suspend`, {})
    for (const at of [idp, other]) assert.equal((await present(signed(pair, claims(agentId)), at)).status, 401)
    await idp.manage('POST', `/api/v1/agents/${agentId}/reactivate`, {})
    assert.equal((await present(signed(pair, claims(agentId)), other)).status, 200)
  })

  test('learns from the metadata what it may do where', async () => {
    const { body } = await idp.call('/.well-known/oauth-authorization-server')
    assert.equal(body.introspection_endpoint, `${idp.url}/api/v1/token/introspect`)
    assert.equal(body.revocation_endpoint, `${idp.url}/api/v1/token/revoke`)
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt']
      assert.deepEqual(body[`${endpoint}_endpoint_auth_methods_supported`].slice(0, 4), methods)
      const algorithms = body[`${endpoint}_endpoint_auth_signing_alg_values_supported`]
      for (const name of ['ES256', 'RS256', 'HS256']) assert.ok(algorithms.includes(name), name)
      assert.equal(algorithms.includes('none'), false)
    }
  })
})

function introspecting(token: string, authorization: string): RequestInit {
  return { method: 'POST', headers: { authorization }, body: new URLSearchParams({ token }) }
}
