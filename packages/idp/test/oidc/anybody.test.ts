import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { registerClient, sendAs, type TestClient } from '../registration/client.ts'
import { beginLogin, consent, discovered, makeUser, redirectUri, tokensFor, typeIn } from './setting.ts'
import { authorization, userAgent } from './user-agent.ts'

const native = 'com.example.app:/callback'

describe('what anybody may ask of the OpenID provider', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let client: TestClient
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance({ REKEY_LOGIN_LIMIT: '5/1h', REKEY_ADMINISTRATION_LIMIT: '5/1h' })
    client = await registerClient(idp, {
      profile: 'spa',
      application_type: 'native',
      redirect_uris: [redirectUri, native],
    })
  })
  after(() => estate.stop())

  const other = () => estate.instance({ REKEY_ISSUER: idp.url })
  const kept = async (model = 'Interaction') => {
    const rows = estate.db.selectFrom('oidc_state').select('expires_at').where('model', '=', model)
    return (await rows.execute()).map(({ expires_at }) => Number(expires_at))
  }
  const statuses = async (ask: () => Promise<{ status: number }>, count: number) => {
    const seen: number[] = []
    while (seen.length < count) seen.push((await ask()).status)
    return seen
  }

  test('to begin a login is limited for each address, told on a page, and kept for half an hour', async () => {
    const { url } = authorization(idp.url, client.clientId, redirectUri)
    const ask = () => fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } })
    assert.deepEqual(await statuses(ask, 5), [303, 303, 303, 303, 303])
    const refused = await ask()
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('retry-after')) > 3_500)
    assert.match(await refused.text(), /<h1>This cannot be done at the moment<\/h1>/)
    const found = await kept()
    assert.equal(found.length, 5)
    for (const end of found) assert.ok(Math.abs(end - Date.now() - 1_800_000) < 60_000)
  })

  test('to push a request as a public client is limited in the same way', async () => {
    const { url } = authorization(idp.url, client.clientId, redirectUri)
    const at = await estate.instance({ REKEY_ISSUER: idp.url, REKEY_LOGIN_LIMIT: '2/1h' })
    const push = () => at.call('/api/oidc/request', { method: 'POST', body: new URL(url).searchParams })
    assert.deepEqual(await statuses(push, 3), [201, 201, 429])
    await at.close()
  })

  test('to keep more than 8 kB is refused, and nothing is kept', async () => {
    const at = await other()
    const before = await kept()
    const { url } = authorization(idp.url, client.clientId, redirectUri, { state: 'x'.repeat(8_192) })
    const { search, searchParams } = new URL(url)
    const begun = await at.call(`/api/oidc/auth${search}`)
    assert.deepEqual([begun.status, begun.body.error], [400, 'invalid_request'])
    const pushed = await at.call('/api/oidc/request', { method: 'POST', body: searchParams })
    assert.deepEqual([pushed.status, pushed.body.error], [413, 'invalid_request'])
    assert.equal((await kept()).length, before.length)
    await at.close()
  })

  test('to send parameters by POST names each once, but for resource (RFC 8707 §2)', async () => {
    const post = (body: string) =>
      idp.call('/api/oidc/auth', { method: 'POST', body: new URLSearchParams(body), redirect: 'manual' })
    const { status, headers } = await post('client_id=a&resource=urn:a&resource=urn:b')
    const { searchParams } = new URL(headers.get('location') ?? '', idp.url)
    assert.deepEqual([status, searchParams.getAll('resource')], [303, ['urn:a', 'urn:b']])
    assert.equal((await post('client_id=a&client_id=b')).status, 400)
  })

  test('to log out is limited by itself, kept for half an hour, and no longer than 8 kB', async () => {
    const at = await estate.instance({ REKEY_ISSUER: idp.url, REKEY_LOGIN_LIMIT: '3/1h' })
    const before = (await kept('Session')).length
    const end = (state: string, headers = {}) => at.call(`/api/oidc/session/end?state=${state}`, { headers })
    const long = await end('x'.repeat(8_192))
    assert.deepEqual([long.status, long.body.error], [400, 'invalid_request'])
    assert.equal((await kept('Session')).length, before)
    assert.deepEqual(await statuses(() => end('x'), 3), [200, 200, 200])
    for (const headers of [{}, { cookie: 'rekey_session=made-up' }]) {
      const refused = await end('x', headers)
      assert.deepEqual([refused.status, refused.body.error], [429, 'rate_limited'])
    }
    const found = (await kept('Session')).slice(before)
    assert.equal(found.length, 3)
    for (const expires of found) assert.ok(Math.abs(expires - Date.now() - 1_800_000) < 60_000)
    const { search } = new URL(authorization(idp.url, client.clientId, redirectUri).url)
    assert.equal((await at.call(`/api/oidc/auth${search}`, { redirect: 'manual' })).status, 303, 'a login begins')
    await at.close()
  })

  test('to revoke as a public client counts for who calls, and takes nothing from that client', async () => {
    const body = () => new URLSearchParams({ client_id: client.clientId, token: 'x' })
    const revoke = () => idp.call('/api/v1/token/revoke', { method: 'POST', body: body() })
    assert.deepEqual(await statuses(revoke, 6), [200, 200, 200, 200, 200, 429])
    assert.equal((await sendAs(idp, client.rat, 'GET', client.path)).status, 200)
  })

  test('is never shown to a page without an origin, though an app’s address has none', async () => {
    assert.equal(URL.parse(native)?.origin, 'null')
    const at = await other()
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: client.clientId }
    for (const [method, path] of [
      ['POST', '/api/oidc/token'],
      ['OPTIONS', '/api/oidc/token'],
      ['GET', '/api/oidc/me'],
    ] as const) {
      const headers = { origin: 'null', 'access-control-request-method': 'POST' }
      const body = method === 'POST' ? new URLSearchParams(form) : null
      const reply = await at.call(path, { method, headers, body })
      assert.equal(reply.headers.get('access-control-allow-origin'), null, `${method} ${path}`)
    }
    const { origin } = new URL(redirectUri)
    const allowed = await at.call('/api/oidc/token', {
      method: 'POST',
      headers: { origin },
      body: new URLSearchParams(form),
    })
    assert.equal(allowed.headers.get('access-control-allow-origin'), origin)
    await at.close()
  })

  test('is refused in the form of OAuth where there is nothing, however the path is written', async () => {
    for (const path of ['/api/oidc/%6de', '/api/oidc/nothing', '/api/oidc/token/x']) {
      const reply = await idp.call(path)
      assert.deepEqual([reply.status, reply.body.error], [404, 'invalid_request'], path)
      assert.equal(reply.headers.get('cache-control'), 'no-store')
    }
  })

  test('is answered by pages that run their own script alone, and that nobody frames', async () => {
    const at = await estate.instance()
    const web = await registerClient(at, { profile: 'spa', redirect_uris: [redirectUri] })
    const config = await discovered(at.url, web)
    const browser = userAgent(at.url)
    const user = await makeUser(at)
    const login = await browser.go((await beginLogin(config, { response_mode: 'form_post' })).url)
    const posted = await consent(browser, await typeIn(browser, login, user))
    const loggedOut = await userAgent(at.url).go(`${at.url}/api/oidc/session/end`)
    for (const { headers, page, status } of [posted, loggedOut]) {
      assert.equal(status, 200)
      const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(page) ?? []
      const policy = headers.get('content-security-policy') ?? ''
      assert.ok(policy.includes(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`), policy)
      assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.equal(headers.get('referrer-policy'), 'strict-origin')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
    }
    assert.ok((await tokensFor(at.url, config, user, {}, browser)).access_token)
    await at.close()
  })
})
