import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { browser, newClientKey, startProvider, type TestProvider } from '../provider.ts'
import { callback, clientId, logIn, publicUrl, type Setting, setting, type TestOpen, withSecret } from './setting.ts'

const value = async (provider: TestOpen, name: string, labels: Record<string, string>): Promise<number> => {
  const metric = await provider.metrics.registry.getSingleMetric(name)?.get()
  const same = metric?.values.find((one) => Object.entries(labels).every(([key, text]) => one.labels[key] === text))
  return same?.value ?? 0
}

const audienceOf = (jwt: string): unknown =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).aud

describe('a login at the identity provider', () => {
  let idp: TestProvider
  let at: Setting
  before(async () => {
    idp = await startProvider({ life: { AccessToken: 120 } })
    at = await setting()
  })
  after(async () => {
    await at.close()
    await idp.close()
  })

  const byMethod = async (method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt') => {
    const { pem, jwk } = newClientKey('key-1')
    const isKey = method === 'private_key_jwt'
    await idp.addClient({
      clientId,
      method,
      redirectUris: [callback],
      backchannelLogoutUri: `${publicUrl}/auth/backchannel-logout`,
      ...(isKey ? { jwks: { keys: [jwk] } } : { secret: 'a secret / with: signs' }),
    })
    return at.open({
      IDP_BASE_URL: idp.issuer,
      AUTH_CLIENT_ID: clientId,
      MS_BFF_TOKEN_AUTH_METHOD: method,
      ...(isKey ? { BFF_JWT_SIGNING_KEY: pem, BFF_KID: 'key-1' } : { AUTH_CLIENT_SECRET: 'a secret / with: signs' }),
    })
  }

  for (const method of ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const) {
    it(`gets tokens, refreshes them and asks about them by ${method}`, async () => {
      const provider = await byMethod(method)
      const asked = Date.now()
      const tokens = await logIn(provider)
      assert.equal(tokens.claims?.sub, 'user-1')
      assert.equal(tokens.claims?.iss, idp.issuer)
      assert.equal(typeof tokens.claims?.sid, 'string')
      assert.ok(tokens.accessExpiresAt >= asked + 120_000 && tokens.accessExpiresAt <= Date.now() + 120_000)
      const next = await provider.refresh(tokens.refreshToken ?? '')
      assert.notEqual(next.accessToken, tokens.accessToken)
      assert.equal(next.claims?.sub, 'user-1')
      const said = await provider.introspect(next.accessToken)
      assert.deepEqual(said, { active: true, clientId, sub: 'user-1', scopes: new Set(['openid', 'profile', 'email']) })
      assert.deepEqual(await provider.introspect('nothing of theirs'), { active: false })
      assert.equal(
        await value(provider, 'bff_token_exchange_total', { grant_type: 'refresh_token', status: 'success' }),
        1,
      )
      assert.equal(await value(provider, 'bff_idp_requests_total', { endpoint: 'par', status: '201' }), 1)
    })
  }

  it('pushes what it asks for, so that the browser carries a name for it only', async () => {
    const provider = await byMethod('client_secret_basic')
    const { url, begun } = await provider.beginLogin()
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
    assert.doesNotMatch(url.href, new RegExp(`${begun.state}|${begun.nonce}`))
  })

  it('asks by PKCE with S256 where the provider takes nothing else', async () => {
    const plain = await startProvider({ par: false })
    try {
      await withSecret(plain, 'secret')
      const provider = await at.open({
        IDP_BASE_URL: `${plain.issuer}/api/oidc/`,
        AUTH_CLIENT_ID: clientId,
        AUTH_CLIENT_SECRET: 'secret',
        AUTH_SCOPES: 'openid,offline_access',
      })
      const { url } = await provider.beginLogin()
      assert.equal(url.searchParams.get('code_challenge_method'), 'S256')
      assert.equal(url.searchParams.get('redirect_uri'), callback)
      assert.equal(url.searchParams.get('prompt'), 'consent')
      assert.equal((await logIn(provider)).scope, 'openid offline_access')
      assert.equal(plain.count('par'), 0)
    } finally {
      await plain.close()
    }
  })

  it('asks for what access tokens are to be good for, each time', async () => {
    await withSecret(idp, 'secret')
    const AUTH_RESOURCE = 'urn:example:api'
    const provider = await at.open({
      IDP_BASE_URL: idp.issuer,
      AUTH_CLIENT_ID: clientId,
      AUTH_CLIENT_SECRET: 'secret',
      AUTH_RESOURCE,
    })
    const tokens = await logIn(provider)
    const refreshed = await provider.refresh(String(tokens.refreshToken))
    for (const { accessToken } of [tokens, refreshed]) assert.equal(audienceOf(accessToken), AUTH_RESOURCE)
  })

  it('is refused for another state, nonce, code or issuer, for a user who says no, and for nothing at all', async () => {
    const provider = await byMethod('client_secret_basic')
    const begin = async () => {
      const { url, begun } = await provider.beginLogin()
      const { url: back } = await browser().go(url, { until: callback })
      return { back, begun }
    }
    const refused = { code: 'LOGIN_REFUSED' }
    const { back, begun } = await begin()
    await assert.rejects(provider.finishLogin(back, { ...begun, state: 'another' }), refused)
    const other = await begin()
    await assert.rejects(provider.finishLogin(other.back, { ...other.begun, nonce: 'another' }), refused)
    const third = await begin()
    await assert.rejects(provider.finishLogin(third.back, { ...third.begun, codeVerifier: 'v'.repeat(43) }), refused)
    const altered = new URL(back)
    altered.searchParams.set('code', 'invented')
    await assert.rejects(provider.finishLogin(altered, begun), refused)
    const foreign = new URL((await begin()).back)
    foreign.searchParams.set('iss', 'https://another.example')
    await assert.rejects(provider.finishLogin(foreign, begun), refused)
    await assert.rejects(provider.finishLogin(new URL(callback), begun), refused)
    idp.refuses = true
    const { back: no, begun: unsaid } = await begin().finally(() => {
      idp.refuses = false
    })
    assert.equal(no.searchParams.get('error'), 'access_denied')
    await assert.rejects(provider.finishLogin(no, unsaid), refused)
  })

  it('is refused when a code comes a second time', async () => {
    const provider = await byMethod('client_secret_basic')
    const { url, begun } = await provider.beginLogin()
    const { url: back } = await browser().go(url, { until: callback })
    await provider.finishLogin(back, begun)
    await assert.rejects(provider.finishLogin(back, begun), { code: 'LOGIN_REFUSED' })
  })

  it('goes on when the provider signs by a key that nobody has seen, twice at once', async () => {
    const provider = await byMethod('client_secret_basic')
    await logIn(provider)
    await idp.changeSigningKey()
    await logIn(provider)
    await idp.changeSigningKey()
    await logIn(provider)
  })

  it('is refused when the ID token is signed by a key that the provider does not publish', async () => {
    const provider = await byMethod('client_secret_basic')
    await logIn(provider)
    const keys = await (await fetch(`${idp.issuer}/jwks`)).text()
    await idp.changeSigningKey()
    idp.intercept = (_, endpoint) => (endpoint === 'jwks' ? { status: 200, body: keys } : undefined)
    try {
      await assert.rejects(logIn(provider), { code: 'LOGIN_REFUSED' })
    } finally {
      idp.intercept = undefined
    }
    await logIn(provider)
  })

  it('leads to where a session at the provider is ended', async () => {
    const provider = await byMethod('client_secret_basic')
    await withSecret(idp, 'a secret / with: signs')
    const by = browser()
    const tokens = await logIn(provider, by)
    const url = await provider.endSessionUrl({ idToken: tokens.idToken ?? '', returnTo: `${publicUrl}/` })
    assert.ok(url)
    const page = await by.go(url)
    assert.equal(page.status, 200, page.text)
    const out = await by.submit(page, { logout: 'yes' }, { until: publicUrl })
    assert.equal(out.url.href, `${publicUrl}/`)
    // The refresh token ended with the session that it hangs on.
    await assert.rejects(provider.refresh(tokens.refreshToken ?? ''), { code: 'REFRESH_REFUSED' })
  })

  it('ends a refresh token for good', async () => {
    const provider = await byMethod('client_secret_basic')
    const tokens = await logIn(provider)
    await provider.revoke(tokens.refreshToken ?? '')
    await assert.rejects(provider.refresh(tokens.refreshToken ?? ''), { code: 'REFRESH_REFUSED' })
    await provider.revoke(tokens.refreshToken ?? '')
  })

  it('reaches a provider by an inner name that its users do not know', async () => {
    const inner = await startProvider()
    const outer = 'https://login.example.com'
    const { port } = new URL(inner.issuer)
    const renamed = (text: string) => text.replaceAll(inner.issuer, outer)
    const asked: string[] = []
    try {
      await withSecret(inner, 'secret')
      const provider = await at.open(
        { IDP_BASE_URL: inner.issuer, AUTH_CLIENT_ID: clientId, AUTH_CLIENT_SECRET: 'secret' },
        {
          fetch: async (input, init) => {
            asked.push(String(input))
            const reply = await fetch(input, init)
            return new Response(renamed(await reply.text()), {
              status: reply.status,
              headers: { 'content-type': 'application/json' },
            })
          },
        },
      )
      const { url } = await provider.beginLogin()
      assert.equal(url.origin, outer)
      assert.ok(asked.length > 1 && asked.every((address) => new URL(address).port === port), asked.join())
    } finally {
      await inner.close()
    }
  })

  it('says which secret is accepted, and to metrics too', async () => {
    const provider = await byMethod('client_secret_basic')
    assert.equal(await value(provider, 'bff_client_secret_position', {}), -1)
    await logIn(provider)
    await eventually(
      () => value(provider, 'bff_client_secret_position', {}),
      (position) => position === 0,
    )
    const { secrets, method } = await provider.client()
    assert.equal(method, 'client_secret_basic')
    assert.match(secrets[0]?.fingerprint ?? '', /^[0-9a-f]{16}$/)
    assert.equal(secrets[0]?.isUsed, true)
    assert.doesNotMatch(at.lines.join(), /with: signs/)
  })
})
