import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertionType } from '../../../src/tokens/form.ts'
import { basic, type Estate, type Reply, startEstate, type TestInstance } from '../../estate.ts'
import { left, login, stateOf } from '../../oidc/state/setting.ts'
import { assertionOf, initialToken, newKey, registerClient, sendAs, tokenByKey } from '../../registration/client.ts'
import { eventsOf } from '../clients.ts'
import { goodClaims, hmac } from './signer.ts'

describe('a client that registered', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let iat: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    iat = (await initialToken(idp)).token
  })
  after(() => estate.stop())

  const withSecret = (method: string, more: object = {}) =>
    registerClient(idp, {
      iat,
      profile: 'code-flow-secret',
      token_endpoint_auth_method: method,
      redirect_uris: ['https://app.example/cb'],
      grant_types: ['authorization_code', 'client_credentials'],
      ...more,
    })
  const ask = (form: Record<string, string>, at = idp, headers = {}): Promise<Reply> =>
    at.call('/api/v1/token', {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    })
  const present = (assertion: string, at = idp) =>
    ask({ client_assertion_type: assertionType, client_assertion: assertion }, at)
  const byBasic = (clientId: string, clientSecret: string) =>
    ask({}, idp, { authorization: basic({ clientId, clientSecret }) })
  const byForm = (clientId: string, clientSecret: string) => ask({ client_id: clientId, client_secret: clientSecret })

  const bySecret = (
    clientId: string,
    secret: string,
    claims = {},
    header = {},
    alg: 'HS256' | 'HS384' | 'HS512' = 'HS256',
  ) => hmac(secret, { ...goodClaims(clientId, idp.url, Date.now()), ...claims }, header, alg)

  /** The other instance, whose issuer is the same. */
  const elsewhere = () => ({ url: idp.url, call: other.call })
  const isRefused = ({ status, body }: Reply, what: string) =>
    assert.deepEqual([status, body.error], [401, 'invalid_client'], what)

  test('may send its secret in the header or in the form, whichever of the two it registered', async () => {
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      const { clientId, secret } = await withSecret(method)
      assert.equal((await byBasic(clientId, secret)).status, 200)
      assert.equal((await byForm(clientId, secret)).status, 200)
      isRefused(await present(bySecret(clientId, secret)), 'its secret as the key of an HMAC')
      isRefused(await tokenByKey(idp, clientId, newKey()), 'a key')
    }
  })

  test('signs by its secret, once for each assertion at all instances, with any of the algorithms', async () => {
    const { clientId, secret } = await withSecret('client_secret_jwt')
    for (const alg of ['HS256', 'HS384', 'HS512'] as const) {
      assert.equal((await present(bySecret(clientId, secret, {}, {}, alg), other)).status, 200, alg)
    }
    const raced = bySecret(clientId, secret)
    const replies = await Promise.all([idp, other, idp, other].map((at) => present(raced, at)))
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 401, 401, 401])
    isRefused(await byBasic(clientId, secret), 'the secret itself')
    isRefused(await byForm(clientId, secret), 'the secret itself')
  })

  test('signs by its secret what only this server is meant by, for a short while', async () => {
    const { clientId, secret } = await withSecret('client_secret_jwt')
    const now = Math.floor(Date.now() / 1_000)
    for (const aud of [
      idp.url,
      `${idp.url}/api/oidc/token`,
      [`${idp.url}/api/v1/token`, `${idp.url}/api/oidc/request`],
    ]) {
      assert.equal((await present(bySecret(clientId, secret, { aud }))).status, 200, String(aud))
    }
    const bad: [string, object, object][] = [
      ['another audience', { aud: 'https://other.example' }, {}],
      ['another audience too', { aud: [idp.url, 'https://other.example'] }, {}],
      ['no audience', { aud: undefined }, {}],
      ['an empty list of them', { aud: [] }, {}],
      ['another issuer', { iss: 'other' }, {}],
      ['no jti', { jti: undefined }, {}],
      ['a jti that is no text', { jti: 7 }, {}],
      ['no end', { exp: undefined }, {}],
      ['an end that is text', { exp: String(now + 60) }, {}],
      ['an end in the past', { exp: now - 600 }, {}],
      ['an end far ahead', { exp: now + 6_000 }, {}],
      ['a beginning ahead', { nbf: now + 600 }, {}],
      ['a beginning that is text', { nbf: 'now' }, {}],
      ['another type', {}, { typ: 'at+jwt' }],
      ['an extension', {}, { crit: ['exp'] }],
      ['other bytes', {}, { b64: false }],
      ['another algorithm in its header', {}, { alg: 'HS384' }],
      ['none', {}, { alg: 'none' }],
      ['a word of JavaScript', {}, { alg: 'toString' }],
    ]
    for (const [what, claims, header] of bad) isRefused(await present(bySecret(clientId, secret, claims, header)), what)
    isRefused(await present(bySecret(clientId, `${secret}x`)), 'another secret')
    isRefused(await present(`${bySecret(clientId, secret)}A`), 'a longer signature')
    assert.equal((await present(bySecret(clientId, secret, {}, { typ: 'application/JWT' }))).status, 200)
  })

  test('signs by a secret that is sealed to it, and by the next one after a rotation', async () => {
    const { clientId, secret } = await withSecret('client_secret_jwt')
    const stored = await estate.db.selectFrom('credentials').selectAll().where('agent_id', '=', clientId).execute()
    assert.equal(JSON.stringify(stored).includes(secret), false)
    const path = `/api/v1/agents/${clientId}/credentials/${stored[0]?.credential_id}`
    const rotated = await idp.manage('POST', `${path}/rotate`, { overlap: '0s' })
    assert.equal(rotated.status, 200, JSON.stringify(rotated.body))
    assert.equal((await present(bySecret(clientId, rotated.body.clientSecret), other)).status, 200)
    isRefused(await present(bySecret(clientId, secret), other), 'the old one')
    await other.idp.instance.gathered.flush()
    const tripped = (await eventsOf(estate, 'credential.tripwire')).filter(({ agent_id: agent }) => agent === clientId)
    assert.equal(tripped.length, 1)
    // Another client's sealed secret does not open here.
    const victim = await withSecret('client_secret_jwt')
    const { document } = await estate.db
      .selectFrom('credentials')
      .select('document')
      .where('agent_id', '=', victim.clientId)
      .executeTakeFirstOrThrow()
    const mine = await estate.db
      .selectFrom('credentials')
      .select('document')
      .where('agent_id', '=', clientId)
      .executeTakeFirstOrThrow()
    const sealed = (from: typeof document) => from?.versions.at(-1)?.publicPart.sealedSecret as string
    const moved = JSON.stringify(mine.document).replace(sealed(mine.document), sealed(document))
    await estate.db.updateTable('credentials').set({ document: moved }).where('agent_id', '=', clientId).execute()
    const { clients } = other.idp.instance
    clients.forget(clientId)
    assert.equal((await present(bySecret(clientId, victim.secret), other)).status, 503)
  })

  test('signs with the algorithm that it registered', async () => {
    const { clientId, secret } = await withSecret('client_secret_jwt', { token_endpoint_auth_signing_alg: 'HS512' })
    isRefused(await present(bySecret(clientId, secret)), 'HS256')
    assert.equal((await present(bySecret(clientId, secret, {}, {}, 'HS512'))).status, 200)
    const client = await registerClient(idp, { iat, token_endpoint_auth_signing_alg: 'ES256' })
    assert.equal((await tokenByKey(idp, client.clientId, client.key)).status, 200)
    await estate.db
      .updateTable('clients')
      .set({ metadata: JSON.stringify({ ...client.metadata, token_endpoint_auth_signing_alg: 'PS256' }) })
      .where('client_id', '=', client.clientId)
      .execute()
    other.idp.instance.clients.forget(client.clientId)
    isRefused(await tokenByKey(elsewhere(), client.clientId, client.key), 'ES256')
  })

  test('by a key is not admitted by a secret that an administrator made for it, and the audit says why', async () => {
    const client = await registerClient(idp, { iat })
    const made = await idp.manage('POST', `/api/v1/agents/${client.clientId}/credentials`, {})
    assert.equal(made.status, 201, JSON.stringify(made.body))
    isRefused(await byBasic(client.clientId, made.body.clientSecret), 'a secret')
    await idp.idp.instance.gathered.flush()
    const failed = (await eventsOf(estate, 'auth.failed')).filter(({ agent_id: agent }) => agent === client.clientId)
    assert.deepEqual(
      failed.map(({ details }) => (details as { cause: string }).cause),
      ['method_not_registered'],
    )
    assert.equal((await tokenByKey(idp, client.clientId, client.key)).status, 200)
  })

  describe('that administers', () => {
    const management = { scope: 'management' }
    const askAbout = (token: string) =>
      idp.call('/api/v1/token/introspect', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: new URLSearchParams({ token }),
      })

    /** A client of which an administrator made more than its profile allows. */
    async function administering() {
      const client = await registerClient(idp, { iat })
      await estate.db
        .updateTable('agents')
        .set({ scopes: ['tokens:read'] })
        .where('agent_id', '=', client.clientId)
        .execute()
      for (const { idp: running } of [idp, other]) running.instance.clients.forget(client.clientId)
      return client
    }

    test('gets opaque tokens by its key, of which the use is noted, and loses them when it is suspended', async () => {
      const { clientId, key, kid } = await administering()
      const token = (await tokenByKey(idp, clientId, key, management)).body.access_token as string
      assert.match(token, /^rkt_/)
      assert.equal((await askAbout(token)).body.client_id, clientId)
      await idp.idp.instance.uses.flush()
      const use = await estate.db
        .selectFrom('credential_uses')
        .select(['version', 'count'])
        .where('credential_id', '=', `jwks:${clientId}`)
        .executeTakeFirst()
      assert.deepEqual(use, { version: kid, count: 1 })
      const { of } = stateOf(estate)
      const granted = await login(of, 'of-suspended', { clientId })
      assert.equal((await idp.manage('POST', `/api/v1/agents/${clientId}/suspend`, {})).status, 200)
      assert.equal((await askAbout(token)).status, 401)
      assert.deepEqual(await left(of, granted), ['Session'], 'what users granted it has ended as well')
      isRefused(await tokenByKey(elsewhere(), clientId, key, management), 'while suspended')
      await idp.manage('POST', `/api/v1/agents/${clientId}/reactivate`, {})
      assert.equal((await tokenByKey(elsewhere(), clientId, key, management)).status, 200)
      await idp.manage('POST', `/api/v1/agents/${clientId}/decommission`, {})
      isRefused(await tokenByKey(elsewhere(), clientId, key, management), 'once it is gone')
    })

    test('gets none by a key that was removed or became another while it was being asked for', async () => {
      const { clientId, key, metadata } = await administering()
      assert.equal((await tokenByKey(elsewhere(), clientId, key, management)).status, 200)
      // What this instance holds is older than what is stored.
      for (const keys of [[newKey().jwk], [newKey(key.kid).jwk]]) {
        await estate.db
          .updateTable('clients')
          .set({ metadata: JSON.stringify({ ...metadata, jwks: { keys } }) })
          .where('client_id', '=', clientId)
          .execute()
        isRefused(await tokenByKey(elsewhere(), clientId, key, management), 'an opaque token')
      }
      assert.equal((await tokenByKey(elsewhere(), clientId, key)).status, 200, 'a JWT by what is held still')
    })

    test('gets none for a scope that was taken from it meanwhile', async () => {
      const { clientId, key } = await administering()
      assert.equal((await tokenByKey(elsewhere(), clientId, key, management)).status, 200)
      await estate.db.updateTable('agents').set({ scopes: [] }).where('agent_id', '=', clientId).execute()
      isRefused(await tokenByKey(elsewhere(), clientId, key, management), 'an opaque token')
    })
  })

  test('is refused by a key that it removed, at every instance, once it is told so', async () => {
    const client = await registerClient(idp, { iat })
    for (const at of [idp, elsewhere()]) assert.equal((await tokenByKey(at, client.clientId, client.key)).status, 200)
    const next = newKey()
    const changed = await sendAs(idp, client.rat, 'PATCH', client.path, { jwks: { keys: [next.jwk] } })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    for (const at of [idp, other]) {
      isRefused(await present(assertionOf(idp, client.clientId, client.key), at), 'the removed one')
      assert.equal((await present(assertionOf(idp, client.clientId, next), at)).status, 200)
    }
  })
})
