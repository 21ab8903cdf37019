import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { verifyJwt } from '@rekey/verifier'
import * as oidc from 'openid-client'
import { admin, agent, basic, decodeUnverified, type Estate, startEstate, type TestInstance } from '../estate.ts'
import { assertionOf, initialToken, registerClient, tokenByKey } from '../registration/client.ts'
import {
  audience,
  beginLogin,
  discovered,
  isBack,
  logIn,
  makeUser,
  prepared,
  redirectUri,
  registerWeb,
  type TestUser,
  tokensFor,
  typeIn,
} from './setting.ts'
import { hasForm, userAgent } from './user-agent.ts'

const profiles = {
  shop: {
    based_on: 'code-flow-secret',
    first_party: true,
    scopes: ['openid', 'offline_access', 'reports:read', 'admin.api'],
  },
}

describe('a client that logs users in', { timeout: 300_000 }, () => {
  let folder: string
  let estate: Estate
  let idp: TestInstance
  let user: TestUser
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-flows-'))
    const file = join(folder, 'profiles.json')
    await writeFile(file, JSON.stringify({ profiles }))
    estate = await startEstate()
    idp = await estate.instance({ REKEY_CLIENT_PROFILES: file })
    user = await makeUser(idp)
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true })
  })

  const introspected = async (token: string) => {
    const body = new URLSearchParams({ token })
    const headers = { authorization: basic(admin) }
    return (await idp.call('/api/v1/token/introspect', { method: 'POST', headers, body })).body
  }

  test('finds the same metadata at four places, and in it every endpoint', async () => {
    const paths = ['', '/api/oidc'].flatMap((prefix) =>
      ['openid-configuration', 'oauth-authorization-server'].map((name) => `${prefix}/.well-known/${name}`),
    )
    const [first, ...others] = await Promise.all(paths.map(async (path) => (await idp.call(path)).body))
    for (const other of others) assert.deepEqual(other, first)
    assert.equal(first.issuer, idp.url)
    assert.equal(first.token_endpoint, `${idp.url}/api/oidc/token`)
    assert.deepEqual(first.code_challenge_methods_supported, ['S256'])
    const methods = { authorization: 'GET', userinfo: 'GET', end_session: 'GET' }
    for (const name of Object.keys(first).filter(
      (each) => each.endsWith('_endpoint') && !each.includes('historical'),
    )) {
      const method = methods[name.replace('_endpoint', '') as keyof typeof methods] ?? 'POST'
      const reply = await idp.call(first[name].slice(idp.url.length), { method })
      assert.ok(![404, 405, 500].includes(reply.status), `${name} ${reply.status}`)
    }
  })

  test('gets tokens for a code, by private_key_jwt, and asks who the user is', async () => {
    const config = await discovered(idp.url, await prepared(await registerWeb(idp)))
    const tokens = await tokensFor(idp.url, config, user)
    assert.equal(tokens.claims()?.sub, user.accountId)
    assert.equal(tokens.claims()?.organization_id, 'default')
    assert.equal(decodeUnverified(tokens.id_token ?? '').header.alg, 'ES256')
    const told = await oidc.fetchUserInfo(config, tokens.access_token, user.accountId)
    assert.deepEqual([told.email, told.preferred_username], ['ada@example.com', user.username])
  })

  for (const method of ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']) {
    test(`authenticates by ${method}`, async () => {
      const wish = { profile: 'code-flow-secret', token_endpoint_auth_method: method }
      const config = await discovered(idp.url, await registerWeb(idp, wish))
      const tokens = await tokensFor(idp.url, config, user)
      assert.equal(tokens.claims()?.sub, user.accountId)
      assert.ok(tokens.refresh_token)
      assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).access_token)
    })
  }

  test('that runs in a browser needs no secret, and may be called from its own origin alone', async () => {
    const client = await registerWeb(idp, { profile: 'spa' })
    const config = await discovered(idp.url, client)
    const begun = await beginLogin(config)
    const back = await logIn(idp.url, user, begun)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientId,
      code: back.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: begun.checks.pkceCodeVerifier,
    })
    const from = (origin: string) => idp.call('/api/oidc/token', { method: 'POST', headers: { origin }, body })
    const foreign = await from('https://evil.example.com')
    assert.deepEqual([foreign.status, foreign.headers.get('access-control-allow-origin')], [400, null])
    const own = await from('https://app.example.com')
    assert.equal(own.status, 200, JSON.stringify(own.body))
    assert.equal(own.headers.get('access-control-allow-origin'), 'https://app.example.com')
    const asked = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' }
    const preflight = await idp.call('/api/oidc/token', { method: 'OPTIONS', headers: asked })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST')
  })

  test('pushes its parameters, and neither its secret nor the proof of it is kept', async () => {
    const config = await discovered(idp.url, await prepared(await registerWeb(idp)))
    const begun = await beginLogin(config, {}, true)
    assert.match(begun.url, /request_uri=urn/)
    const found = await idp.idp.instance.connection.db.selectFrom('oidc_state').selectAll().execute()
    const pushed = found.find(({ model, sealed }) => model === 'PushedAuthorizationRequest' && sealed)
    const record = `oidc/PushedAuthorizationRequest/${pushed?.id_hash.toString('hex')}`
    const kept = idp.idp.instance.sealer.open(record, pushed?.sealed ?? '').toString()
    const request = Buffer.from(JSON.parse(kept).request.split('.')[1], 'base64url').toString()
    assert.match(request, /code_challenge/)
    assert.doesNotMatch(request, /secret|assertion/)
    const back = await logIn(idp.url, user, begun)
    assert.ok((await oidc.authorizationCodeGrant(config, back, begun.checks)).access_token)
  })

  test('may make its assertions for the issuer, either token endpoint, or that of pushed requests', async () => {
    const { clientId, key } = await registerClient(idp)
    for (const path of ['', '/api/oidc/token', '/api/v1/token', '/api/oidc/request']) {
      const client_assertion = assertionOf(idp, clientId, key, { aud: idp.url + path })
      const reply = await tokenByKey(idp, clientId, key, { client_assertion })
      assert.equal(reply.status, 200, path)
    }
    const client_assertion = assertionOf(idp, clientId, key, { aud: `${idp.url}/api/oidc/register` })
    assert.equal((await tokenByKey(idp, clientId, key, { client_assertion })).status, 401)
  })

  test('refreshes: each refresh token leads on to the next, and one that comes back when that was used ends them all', async () => {
    const config = await discovered(idp.url, await prepared(await registerWeb(idp)))
    const first = await tokensFor(idp.url, config, user)
    const second = await oidc.refreshTokenGrant(config, first.refresh_token ?? '')
    assert.notEqual(second.refresh_token, first.refresh_token)
    assert.equal(second.claims()?.sub, user.accountId)
    const third = await oidc.refreshTokenGrant(config, second.refresh_token ?? '')
    await assert.rejects(oidc.refreshTokenGrant(config, first.refresh_token ?? ''), { error: 'invalid_grant' })
    await assert.rejects(oidc.refreshTokenGrant(config, third.refresh_token ?? ''), { error: 'invalid_grant' })
    await assert.rejects(oidc.fetchUserInfo(config, second.access_token, user.accountId))
  })

  test('gets a JWT for the resource, of the scopes that it may have, which verifiers take', async () => {
    const { token: iat } = await initialToken(idp, { client_profile: 'shop' })
    const client = await registerWeb(idp, { profile: 'shop', iat })
    const config = await discovered(idp.url, client)
    const begun = await beginLogin(config, {
      resource: audience,
      scope: 'openid offline_access reports:read admin.api',
    })
    const by = userAgent(idp.url)
    const back = await typeIn(by, await by.go(begun.url), user)
    assert.ok(isBack(back), 'a first-party client does not ask for consent')
    const tokens = await oidc.authorizationCodeGrant(config, back.url, begun.checks, { resource: audience })
    const jwks = (await idp.call('/.well-known/jwks.json')).body
    const expected = { issuer: idp.url, audience, algorithms: ['ES256'], requiredTyp: 'at+jwt' }
    const payload = verifyJwt(tokens.access_token, { jwks, ...expected }).payload as Record<string, unknown>
    assert.deepEqual(
      [payload.iss, payload.sub, payload.aud, payload.client_id, payload.organization_id, payload.scope],
      [idp.url, user.accountId, audience, client.clientId, 'default', 'reports:read'],
    )
    assert.equal(Number(payload.exp) - Number(payload.iat), 3_600)
    assert.equal(payload.sid, tokens.claims()?.sid)
    const told = await introspected(tokens.access_token)
    assert.deepEqual([told.active, told.sub, told.sid], [true, user.accountId, payload.sid])
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
    assert.equal(decodeUnverified(next.access_token).payload.scope, 'reports:read')
  })

  test('asks for consent once, and is not asked again in the same session', async () => {
    const config = await discovered(idp.url, await prepared(await registerWeb(idp)))
    const by = userAgent(idp.url)
    const [first, second] = [await beginLogin(config), await beginLogin(config)]
    const asked = await typeIn(by, await by.go(first.url), user)
    assert.ok(hasForm(asked, '/consent'))
    assert.ok(isBack(await by.submit(asked, '/consent')))
    assert.ok(isBack(await by.go(second.url)))
  })

  test('gets client_credentials at both token endpoints, as an agent does', async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    const headers = { authorization: basic(agent) }
    for (const path of ['/api/oidc/token', '/api/v1/token']) {
      const reply = await idp.call(path, { method: 'POST', headers, body })
      assert.deepEqual([reply.status, reply.body.scope], [200, 'reports:read reports:write'], path)
    }
    const { clientId, key } = await registerClient(idp)
    assert.equal((await tokenByKey(idp, clientId, key)).status, 200)
    const missing = await idp.call('/api/oidc/token', { method: 'POST', headers, body: new URLSearchParams() })
    assert.deepEqual([missing.status, missing.body.error], [400, 'invalid_request'])
  })

  test('asks about its opaque tokens and ends them', async () => {
    const client = await registerWeb(idp, { profile: 'code-flow-secret' })
    const config = await discovered(idp.url, client)
    const tokens = await tokensFor(idp.url, config, user)
    const refresh = tokens.refresh_token ?? ''
    const access = await introspected(tokens.access_token)
    assert.deepEqual(
      [access.active, access.sub, access.client_id, access.organization_id, access.token_type, access.aud],
      [true, user.accountId, client.clientId, 'default', 'Bearer', idp.url],
    )
    assert.deepEqual(
      [(await introspected(refresh)).active, (await introspected(refresh)).token_type],
      [true, 'refresh_token'],
    )
    const other = await discovered(idp.url, await registerWeb(idp, { profile: 'code-flow-secret' }))
    await assert.rejects(oidc.tokenRevocation(other, refresh), { error: 'unauthorized_client' })
    await oidc.tokenRevocation(config, refresh)
    assert.deepEqual(await introspected(refresh), { active: false })
    assert.deepEqual(await introspected(tokens.access_token), { active: false })
    await assert.rejects(oidc.refreshTokenGrant(config, refresh), { error: 'invalid_grant' })
    const again = await tokensFor(idp.url, config, user)
    await oidc.tokenRevocation(config, again.access_token)
    assert.deepEqual(await introspected(again.access_token), { active: false })
    assert.equal((await introspected(again.refresh_token ?? '')).active, true)
  })
})
