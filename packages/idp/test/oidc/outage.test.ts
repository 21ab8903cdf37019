import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as oidc from 'openid-client'
import { basic, type Estate, eventually, type Reply, startEstate, type TestInstance } from '../estate.ts'
import type { TestClient } from '../registration/client.ts'
import { beginLogin, discovered, logIn, makeUser, redirectUri, registerWeb, tokensFor } from './setting.ts'
import { userAgent } from './user-agent.ts'

describe('a login while the database is away', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let client: TestClient
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    client = await registerWeb(idp, { profile: 'code-flow-secret' })
  })
  after(() => estate.stop())

  test('is put off, by whichever endpoint, and goes on when it is back', async () => {
    const user = await makeUser(idp)
    const config = await discovered(idp.url, client)
    const tokens = await tokensFor(idp.url, config, user)
    const begun = await beginLogin(config)
    const back = await logIn(idp.url, user, begun)
    const authorization = basic({ clientId: client.clientId, clientSecret: client.secret })
    const post = (path: string, form: object) =>
      idp.call(path, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ ...form }) })
    const exchange = {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: begun.checks.pkceCodeVerifier,
    }
    const another = await beginLogin(config)
    const pushed = Object.fromEntries(new URL(another.url).searchParams)
    const asks: (() => Promise<Reply>)[] = [
      () => post('/api/oidc/token', exchange),
      () => post('/api/oidc/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }),
      () => post('/api/oidc/request', pushed),
      () => post('/api/v1/token/revoke', { token: tokens.access_token }),
      () => idp.call('/api/oidc/me', { headers: { authorization: `Bearer ${tokens.access_token}` } }),
    ]
    await estate.database.reachable(false)
    const { view } = idp.idp.instance
    const held = view.held
    // First as it is while nobody has noticed yet, then without a lease.
    for (const hasLease of [true, false]) {
      view.held = () => hasLease
      for (const ask of asks) {
        const { status, headers, body } = await ask()
        assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
        assert.equal(headers.get('retry-after'), '1')
      }
      const page = await userAgent(idp.url).go(another.url)
      const error = page.url.searchParams.get('error') ?? page.status
      assert.ok([503, 'temporarily_unavailable'].includes(error), `${error} ${page.page}`)
    }
    view.held = held
    assert.ok(!idp.lines.some((line) => line.includes('the OpenID provider failed')))
    await estate.database.reachable(true)
    await eventually(
      () => idp.call('/readyz'),
      ({ status }) => status === 200,
    )
    assert.equal((await post('/api/oidc/token', exchange)).status, 200)
    assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token)
  })
})
