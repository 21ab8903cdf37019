import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Provider } from 'oidc-provider'
import * as oidc from 'openid-client'
import { admin, basic, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { newKey, registerClient, type TestClient } from '../registration/client.ts'
import {
  audience,
  beginLogin,
  consent,
  discovered,
  isBack,
  logIn,
  makeUser,
  redirectUri,
  registerWeb,
  type TestUser,
  tokensFor,
  typeIn,
} from './setting.ts'
import { userAgent } from './user-agent.ts'

describe('a login that is not as it must be', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let user: TestUser
  let client: TestClient
  let config: oidc.Configuration
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    user = await makeUser(idp)
    client = await registerWeb(idp, {
      profile: 'code-flow-secret',
      grant_types: ['authorization_code', 'refresh_token'],
    })
    config = await discovered(idp.url, client)
  })
  after(() => estate.stop())

  const credential = () => ({ clientId: client.clientId, clientSecret: client.secret })
  const ask = (
    form: Record<string, string>,
    headers: Record<string, string> = { authorization: basic(credential()) },
  ) => idp.call('/api/oidc/token', { method: 'POST', headers, body: new URLSearchParams(form) })

  /** A code, and the form by which it is exchanged. */
  async function code(): Promise<Record<string, string>> {
    const begun = await beginLogin(config)
    const back = await logIn(idp.url, user, begun)
    return {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: begun.checks.pkceCodeVerifier,
    }
  }

  test('gets nothing for a code that was used; what was granted for it ends', async () => {
    const form = await code()
    const { body } = await ask(form)
    const again = await ask(form)
    assert.deepEqual([again.status, again.body.error], [400, 'invalid_grant'])
    const refreshed = await ask({ grant_type: 'refresh_token', refresh_token: body.refresh_token })
    assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_grant'])
  })

  test('gets nothing with another verifier, redirect URI or client', async () => {
    const form = await code()
    const other = await registerWeb(idp, { profile: 'code-flow-secret' })
    const asOther = { authorization: basic({ clientId: other.clientId, clientSecret: other.secret }) }
    for (const [wrong, headers] of [
      [{ code_verifier: oidc.randomPKCECodeVerifier() }],
      [{ redirect_uri: 'https://app.example.com/other' }],
      [{}, asOther],
    ] as const) {
      const reply = await ask({ ...form, ...wrong }, headers)
      assert.deepEqual([reply.status, reply.body.error], [400, 'invalid_grant'])
    }
    const { code_verifier: _, ...without } = form
    assert.equal((await ask(without)).status, 400)
    assert.equal((await ask(form)).status, 200)
  })

  test('does not begin without PKCE, with plain PKCE, or with a redirect URI that is not registered', async () => {
    const url = new URL((await beginLogin(config)).url)
    const changed = async (change: (search: URLSearchParams) => void) => {
      const other = new URL(url)
      change(other.searchParams)
      return userAgent(idp.url).go(other.href)
    }
    const none = await changed((search) => {
      search.delete('code_challenge')
      search.delete('code_challenge_method')
    })
    assert.equal(none.url.searchParams.get('error'), 'invalid_request')
    const plain = await changed((search) => search.set('code_challenge_method', 'plain'))
    assert.equal(plain.url.searchParams.get('error'), 'invalid_request')
    const elsewhere = await changed((search) => search.set('redirect_uri', 'https://evil.example.com/'))
    assert.deepEqual([elsewhere.status, elsewhere.url.origin === idp.url], [400, true])
    assert.match(elsewhere.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    const implicit = await changed((search) => search.set('response_type', 'code id_token'))
    assert.equal(implicit.url.searchParams.get('error'), null)
    assert.match(implicit.url.href, /error=/)
    for (const id of ['nobody', '\u0000', 'ä'.repeat(300), '']) {
      assert.equal((await changed((search) => search.set('client_id', id))).status, 400)
    }
  })

  test('may begin by POST as well, and not by one that is malformed or too long', async () => {
    const begun = await beginLogin(config)
    const { origin, pathname, searchParams } = new URL(begun.url)
    const by = userAgent(idp.url)
    const form = Object.fromEntries(searchParams)
    const away = await typeIn(by, await by.go(origin + pathname, { form }), user)
    const back = await consent(by, away)
    assert.ok((await oidc.authorizationCodeGrant(config, back.url, begun.checks)).access_token)
    const ask = (body: URLSearchParams | string, accept = 'application/json') =>
      fetch(origin + pathname, { method: 'POST', body, headers: { accept }, redirect: 'manual' })
    const asIs = await ask(new URLSearchParams(form))
    assert.deepEqual([asIs.status, asIs.headers.get('cache-control')], [303, 'no-store'])
    for (const body of [
      new URLSearchParams({ ...form, state: 'x'.repeat(8_192) }),
      new URLSearchParams([...Object.entries(form), ['state', 'another']]),
    ]) {
      const refused = await ask(body)
      assert.deepEqual([refused.status, ((await refused.json()) as { error: string }).error], [400, 'invalid_request'])
      const page = await ask(body, 'text/html')
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    }
  })

  test('is refused to a client that does not authenticate, in whatever way it tries', async () => {
    const form = { ...(await code()), client_id: client.clientId }
    for (const [more, headers] of [
      [{}, {}],
      [{ client_secret: 'guessed' }, {}],
      [{ client_secret: '' }, {}],
      [{}, { authorization: basic({ clientId: client.clientId, clientSecret: 'guessed' }) }],
      [{}, { authorization: 'Bearer guessed' }],
      [{}, { 'oauth-client-attestation': 'a.b.c', 'oauth-client-attestation-pop': 'a.b.c' }],
    ] as [Record<string, string>, Record<string, string>][]) {
      const reply = await ask({ ...form, ...more }, headers)
      assert.deepEqual([reply.status, reply.body.error], [401, 'invalid_client'], JSON.stringify([more, headers]))
    }
    assert.equal((await ask(form)).status, 200, 'none of it used the code up')
  })

  test('is refused to whoever knows the very proof by which an authenticated client is passed on', async () => {
    let provider: Provider | undefined
    const { callback } = Provider.prototype
    Provider.prototype.callback = function capture() {
      provider = this
      return callback.call(this)
    }
    const presented: string[] = []
    try {
      const form = { ...(await code()), client_id: client.clientId }
      assert.ok(provider)
      const { prototype } = provider.Client
      const compare = prototype.compareClientSecret
      prototype.compareClientSecret = (secret) => {
        presented.push(secret)
        return compare(secret)
      }
      assert.equal((await ask({ ...form, client_secret: 'guessed' }, {})).status, 401)
      assert.deepEqual(presented, [])
      assert.equal((await ask(form)).status, 200)
      const [proof = ''] = presented
      assert.ok(proof.length >= 43 && proof !== client.secret)
      const byProof = { authorization: basic({ clientId: client.clientId, clientSecret: proof }) }
      for (const path of ['/api/oidc/token', '/api/oidc/request']) {
        for (const [more, headers] of [
          [{ client_secret: proof }, {}],
          [{}, byProof],
        ] as const) {
          const body = new URLSearchParams({ ...form, ...more })
          assert.equal((await idp.call(path, { method: 'POST', headers, body })).status, 401)
        }
      }
      assert.equal(presented.length, 1)
    } finally {
      Provider.prototype.callback = callback
    }
  })

  test('goes no further once its client is suspended', async () => {
    const own = await registerWeb(idp, { profile: 'code-flow-secret' })
    const ownConfig = await discovered(idp.url, own)
    const tokens = await tokensFor(idp.url, ownConfig, user)
    const [before, during] = [await beginLogin(ownConfig), await beginLogin(ownConfig)]
    const by = userAgent(idp.url)
    const form = await by.go(during.url)
    const agent = `/api/v1/agents/${own.clientId}`
    assert.equal((await idp.manage('POST', `${agent}/suspend`, { reason: 'stolen' })).status, 200)
    assert.equal((await userAgent(idp.url).go(before.url)).status, 400)
    assert.equal((await typeIn(by, form, user)).status, 400)
    await assert.rejects(oidc.refreshTokenGrant(ownConfig, tokens.refresh_token ?? ''), { status: 401 })
    await assert.rejects(oidc.fetchUserInfo(ownConfig, tokens.access_token, user.accountId))
  })

  test('ends with its user, who is disabled or whose tokens are denied', async () => {
    for (const end of ['disabled', 'denied']) {
      const other = await makeUser(idp)
      const tokens = await tokensFor(idp.url, config, other)
      if (end === 'disabled') {
        await idp.manage('PATCH', `/api/v1/accounts/${other.accountId}`, { status: 'disabled' })
      } else {
        const entry = { sub: other.accountId, issuedBefore: new Date(Date.now() + 3_000).toISOString() }
        assert.equal((await idp.manage('POST', '/api/v1/denied', { entries: [entry] })).status, 200)
      }
      await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), { error: 'invalid_grant' }, end)
      await assert.rejects(
        oidc.fetchUserInfo(config, tokens.access_token, other.accountId),
        /401|invalid|challenge/i,
        end,
      )
    }
  })

  test('is refused to users of another organization', async () => {
    const stranger = await makeUser(idp)
    await estate.db
      .updateTable('accounts')
      .set({ organization_id: 'tenant-1' })
      .where('account_id', '=', stranger.accountId)
      .execute()
    await estate.db
      .updateTable('agents')
      .set({ organization_id: 'tenant-2' })
      .where('agent_id', '=', client.clientId)
      .execute()
    idp.idp.instance.clients.forgetAll()
    const by = userAgent(idp.url)
    const page = await by.go((await beginLogin(config)).url)
    const away = await typeIn(by, page, stranger)
    assert.ok(isBack(away), `${away.status} ${away.url}`)
    assert.equal(away.url.searchParams.get('error'), 'access_denied')
    await estate.db
      .updateTable('agents')
      .set({ organization_id: 'default' })
      .where('agent_id', '=', client.clientId)
      .execute()
    idp.idp.instance.clients.forgetAll()
  })

  test('is not for grants, resources and scopes that the client did not register for', async () => {
    const machine = await registerClient(idp, { key: newKey() })
    const url = new URL((await beginLogin(config)).url)
    url.searchParams.set('client_id', machine.clientId)
    assert.equal((await userAgent(idp.url).go(url.href)).status, 400)
    const reply = await ask({ grant_type: 'client_credentials' })
    assert.deepEqual([reply.status, reply.body.error], [400, 'unauthorized_client'])
    const unknown = await ask({ grant_type: 'password', username: 'a', password: 'b' })
    assert.deepEqual([unknown.status, unknown.body.error], [400, 'unsupported_grant_type'])
    const elsewhere = await userAgent(idp.url).go((await beginLogin(config, { resource: 'urn:other' })).url)
    assert.equal(elsewhere.url.searchParams.get('error'), 'invalid_target')
    const tokens = await tokensFor(idp.url, config, user, {
      resource: audience,
      scope: 'openid admin.api reports:read',
    })
    const introspected = await idp.call('/api/v1/token/introspect', {
      method: 'POST',
      headers: { authorization: basic(admin) },
      body: new URLSearchParams({ token: tokens.access_token }),
    })
    assert.deepEqual([introspected.body.active, introspected.body.scope], [true, undefined])
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', { resource: audience })
    for (const { access_token, ...reply } of [tokens, next]) {
      assert.ok(!('scope' in reply), 'there is no empty scope')
      assert.ok(!('scope' in decodeUnverified(access_token).payload))
    }
  })

  test('leaves no secret in the log', async () => {
    await eventually(
      async () => idp.lines,
      (lines) => lines.some((line) => line.includes('invalid_grant')),
    )
    const log = idp.lines.join('\n')
    for (const secret of [client.secret, 'guessed', 'code_verifier=']) assert.ok(!log.includes(secret), secret)
  })
})
