import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually, freePort } from '@rekey/database/testing'
import { browser, startProvider, type TestProvider } from '../provider.ts'
import { callback, clientId, logIn, type Setting, setting, type TestOpen, withSecret } from './setting.ts'

const unavailable = { code: 'IDP_UNAVAILABLE' }

describe('an identity provider that is away', () => {
  let idp: TestProvider
  let at: Setting
  let provider: TestOpen

  const env = (url: string) => ({ IDP_BASE_URL: url, AUTH_CLIENT_ID: clientId, AUTH_CLIENT_SECRET: 'secret' })
  before(async () => {
    idp = await startProvider()
    at = await setting()
    await withSecret(idp, 'secret')
    provider = await at.open(env(idp.issuer))
  })
  afterEach(() => {
    idp.intercept = undefined
  })
  after(async () => {
    await at.close()
    await idp.close()
  })

  /** Once only: what comes after is answered as usual. */
  const once = (which: string, answer: number | 'reset') => {
    let left = 1
    idp.intercept = (_, endpoint) => (endpoint === which && left-- > 0 ? answer : undefined)
  }

  it('lets an instance open, which logs users in once it is there', async () => {
    const later = await startProvider()
    await withSecret(later, 'secret')
    await later.stop()
    const early = await at.open(env(later.issuer))
    await assert.rejects(early.beginLogin(), unavailable)
    await assert.rejects(early.refresh('any'), unavailable)
    await assert.rejects(early.introspect('any'), unavailable)
    assert.equal(await early.endSessionUrl({ returnTo: 'http://127.0.0.1:9/' }), undefined)
    await later.start()
    try {
      const begun = await eventually(
        () => early.beginLogin().catch((error) => error.code as string),
        (answer) => answer !== 'IDP_UNAVAILABLE',
      )
      assert.notEqual(typeof begun, 'string')
      await logIn(early)
    } finally {
      await later.close()
    }
  })

  it('is asked for its metadata by one request a cool-down, however many want to log in', async () => {
    const away = await startProvider()
    away.intercept = () => 503
    try {
      const early = await at.open(env(away.issuer))
      await Promise.allSettled(Array.from({ length: 50 }, () => early.beginLogin()))
      assert.ok(away.count('metadata') <= 2, String(away.count('metadata')))
    } finally {
      await away.close()
    }
  })

  it('at the beginning of a login has it tried again, then answered 503', async () => {
    await logIn(provider)
    once('par', 'reset')
    await provider.beginLogin()
    once('par', 503)
    await provider.beginLogin()
    idp.intercept = (_, endpoint) => (endpoint === 'par' ? 502 : undefined)
    await assert.rejects(provider.beginLogin(), unavailable)
  })

  it('and takes requests without a word keeps a login waiting for 5 s, and no more than 128 at once', {
    timeout: 14_000,
  }, async () => {
    await logIn(provider)
    let asked = 0
    const hangs: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== 'POST') return fetch(input, init)
      asked += 1
      const { signal } = init
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const silent = await at.open(env(idp.issuer), { fetch: hangs })
    const begun = Array.from({ length: 200 }, () => silent.beginLogin())
    const settled = await Promise.allSettled(begun)
    assert.deepEqual(
      new Set(settled.map((one) => one.status === 'rejected' && one.reason.code)),
      new Set([unavailable.code]),
    )
    assert.equal(asked, 128)
  })

  it('at the callback has it tried again, and is never the fault of who logs in', async () => {
    const back = async () => {
      const { url, begun } = await provider.beginLogin()
      return { url: (await browser().go(url, { until: callback })).url, begun }
    }
    const first = await back()
    once('token', 503)
    assert.equal((await provider.finishLogin(first.url, first.begun)).claims?.sub, 'user-1')
    const second = await back()
    for (const answer of [500, 429, 'reset'] as const) {
      idp.intercept = (_, endpoint) => (endpoint === 'token' ? answer : undefined)
      await assert.rejects(provider.finishLogin(second.url, second.begun), unavailable)
    }
    idp.intercept = undefined
    assert.equal((await provider.finishLogin(second.url, second.begun)).claims?.sub, 'user-1')
  })

  it('that used a code up, and whose reply was lost, is not taken to have refused the user', async () => {
    const { url, begun } = await provider.beginLogin()
    const back = await browser().go(url, { until: callback })
    const lossy = await at.open(env(idp.issuer), { fetch: losing('token') })
    await assert.rejects(lossy.finishLogin(back.url, begun), unavailable)
  })

  it('at a refresh does not cost the session: a lost reply is asked for again', async () => {
    const tokens = await logIn(provider)
    const lossy = await at.open(env(idp.issuer), { fetch: losing('token') })
    const next = await lossy.refresh(tokens.refreshToken ?? '')
    assert.equal(next.claims?.sub, 'user-1')
    const again = await provider.refresh(next.refreshToken ?? '')
    for (const answer of [500, 429, 404, 'reset'] as const) {
      idp.intercept = (_, endpoint) => (endpoint === 'token' ? answer : undefined)
      await assert.rejects(provider.refresh(again.refreshToken ?? ''), unavailable)
    }
    idp.intercept = (_, endpoint) => (endpoint === 'token' ? { status: 200, body: '<html>' } : undefined)
    await assert.rejects(provider.refresh(again.refreshToken ?? ''), unavailable)
    idp.intercept = undefined
    await provider.refresh(again.refreshToken ?? '')
  })

  it('does not cost what a refresh brought when its keys cannot be read', async () => {
    const fresh = await at.open(env(idp.issuer))
    const tokens = await logIn(provider)
    idp.intercept = (_, endpoint) => (endpoint === 'jwks' ? 503 : undefined)
    const next = await fresh.refresh(tokens.refreshToken ?? '')
    assert.equal(next.claims, undefined)
    assert.equal(next.idToken, undefined)
    assert.equal((await fresh.introspect(next.accessToken)).active, true)
  })

  it('says of no token that it is bad while it cannot be asked', async () => {
    const { accessToken, refreshToken } = await logIn(provider)
    once('introspection', 'reset')
    assert.equal((await provider.introspect(accessToken)).active, true)
    for (const answer of [500, 429, 'reset'] as const) {
      idp.intercept = (_, endpoint) => (endpoint === 'introspection' || endpoint === 'revocation' ? answer : undefined)
      await assert.rejects(provider.introspect(accessToken), unavailable)
      await assert.rejects(provider.revoke(refreshToken ?? ''), unavailable)
    }
  })

  it('is told apart from one that does not let this client ask about tokens, and the log says what to do', async () => {
    const body = JSON.stringify({ error: 'insufficient_scope', error_description: 'this needs the scope tokens:read' })
    const challenged = { headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' }, body: '' }
    const refusals = [{ status: 403, body }, { status: 401, body }, { status: 401, ...challenged }, 403] as const
    for (const refusal of refusals) {
      at.lines.length = 0
      const before = idp.count('introspection')
      idp.intercept = (_, endpoint) => (endpoint === 'introspection' ? refusal : undefined)
      await assert.rejects(provider.introspect('any'), { ...unavailable, message: /not allowed to ask/ })
      assert.equal(idp.count('introspection'), before + 1)
      assert.ok(at.lines.some((line) => /"level":50.*give the client the scope tokens:read/.test(line)))
    }
    idp.intercept = undefined
    assert.deepEqual(await provider.introspect('any'), { active: false })
  })

  it('that does not accept this client any more says nothing about a refresh token', async () => {
    const { refreshToken } = await logIn(provider)
    idp.setSecrets(clientId, ['another'])
    await assert.rejects(provider.refresh(refreshToken ?? ''), unavailable)
    idp.setSecrets(clientId, ['secret'])
    await provider.refresh(refreshToken ?? '')
  })

  it('is gone and comes back at every step of a login', async () => {
    await idp.stop()
    await assert.rejects(provider.beginLogin(), unavailable)
    await idp.start()
    const { url, begun } = await provider.beginLogin()
    const back = await browser().go(url, { until: callback })
    await idp.stop()
    await assert.rejects(provider.finishLogin(back.url, begun), unavailable)
    await idp.start()
    const tokens = await provider.finishLogin(back.url, begun)
    await idp.stop()
    await assert.rejects(provider.refresh(tokens.refreshToken ?? ''), unavailable)
    await assert.rejects(provider.introspect(tokens.accessToken), unavailable)
    await idp.start()
    assert.ok((await provider.refresh(tokens.refreshToken ?? '')).accessToken)
  })

  it('is never asked in plaintext beyond this machine', async () => {
    const port = await freePort()
    await assert.rejects(at.open(env(`http://idp.example.com:${port}`)), { code: 'CONFIG_INVALID' })
  })
})

/** Carries the first request of an endpoint out, and loses its reply. */
function losing(endpoint: string): typeof fetch {
  let left = 1
  return async (input, init) => {
    const reply = await fetch(input, init)
    if (new URL(String(input)).pathname !== `/${endpoint}` || left-- <= 0) return reply
    await reply.arrayBuffer()
    throw new TypeError('fetch failed')
  }
}
