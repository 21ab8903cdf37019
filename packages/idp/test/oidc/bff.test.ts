/** What a backend for frontend relies on, whichever way it authenticates: everything here is done by one registered client. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { verifyJwt } from '@rekey/verifier'
import * as oidc from 'openid-client'
import { agent, basic, decodeUnverified, type Estate, startEstate, type TestInstance } from '../estate.ts'
import {
  assertionOf,
  initialToken,
  newKey,
  registerClient,
  sendAs,
  type TestClient,
  tokenByKey,
} from '../registration/client.ts'
import {
  audience,
  beginLogin,
  discovered,
  isBack,
  makeUser,
  prepared,
  redirectUri,
  type TestUser,
  typeIn,
} from './setting.ts'
import { hasForm, userAgent } from './user-agent.ts'

const common = {
  first_party: true,
  scopes: ['openid', 'profile', 'email', 'offline_access', 'reports:read', 'tokens:read'],
}
const profiles = {
  'bff-key': { based_on: 'code-flow-pkjwt', ...common },
  'bff-secret': { based_on: 'code-flow-secret', ...common },
  introspector: { based_on: 'code-flow-secret', grant_types: ['client_credentials'], scopes: ['tokens:read'] },
}
const goodbye = 'https://app.example.com/goodbye'
const backChannel = 'https://app.example.com/auth/backchannel-logout'
const scope = 'openid profile reports:read'

describe('a backend for frontend', { timeout: 300_000 }, () => {
  let folder: string
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let user: TestUser
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-bff-'))
    const REKEY_CLIENT_PROFILES = join(folder, 'profiles.json')
    await writeFile(REKEY_CLIENT_PROFILES, JSON.stringify({ profiles }))
    estate = await startEstate()
    idp = await estate.instance({ REKEY_CLIENT_PROFILES })
    other = await estate.instance({ REKEY_CLIENT_PROFILES, REKEY_ISSUER: idp.url })
    user = await makeUser(idp)
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true })
  })

  async function registered(profile: string, clientId: string): Promise<TestClient> {
    const { token: iat } = await initialToken(idp, { client_id: clientId, client_profile: profile, max_usages: 1 })
    return registerClient(idp, {
      profile,
      iat,
      client_id: clientId,
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [goodbye],
      backchannel_logout_uri: backChannel,
      backchannel_logout_session_required: true,
    })
  }

  async function loggedIn(config: oidc.Configuration, more: Record<string, string> = {}, isPushed = true) {
    const by = userAgent(idp.url)
    const begun = await beginLogin(config, { scope, resource: audience, ...more }, isPushed)
    const back = await typeIn(by, await by.go(begun.url), user)
    assert.ok(isBack(back), `${back.status} ${back.url}: nobody is asked for consent`)
    const tokens = await oidc.authorizationCodeGrant(config, back.url, begun.checks, { resource: audience })
    return { by, back: back.url, tokens }
  }

  const introspectedBy = async (authorization: string, token: string) => {
    const body = new URLSearchParams({ token })
    return idp.call('/api/v1/token/introspect', { method: 'POST', headers: { authorization }, body })
  }

  for (const [profile, clientId] of [
    ['bff-key', 'shop-by-key'],
    ['bff-secret', 'shop-by-secret'],
  ] as const) {
    describe(`of the profile ${profile}`, () => {
      let client: TestClient
      let config: oidc.Configuration
      before(async () => {
        client = await prepared(await registered(profile, clientId))
        config = await discovered(idp.url, client)
      })

      test('has the id that its initial access token is bound to, and all that it registered', () => {
        assert.equal(client.clientId, clientId)
        const { post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required } =
          client.metadata
        assert.deepEqual(
          [post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required],
          [[goodbye], backChannel, true],
        )
      })

      test('pushes its request, is told who answers, and gets tokens that the APIs of the estate take', async () => {
        const { back, tokens } = await loggedIn(config)
        assert.equal(back.searchParams.get('iss'), idp.url)
        const idToken = tokens.claims()
        assert.deepEqual([idToken?.sub, typeof idToken?.sid], [user.accountId, 'string'])
        const jwks = (await idp.call('/.well-known/jwks.json')).body
        const expected = { issuer: idp.url, audience, algorithms: ['ES256'], requiredTyp: 'at+jwt' }
        const { payload } = verifyJwt(tokens.access_token, { jwks, ...expected })
        assert.deepEqual(
          [payload.sub, payload.scope, payload.client_id, payload.sid],
          [user.accountId, 'reports:read', clientId, idToken?.sid],
        )
        assert.equal(Number(payload.exp) - Number(payload.iat), tokens.expires_in)
        assert.equal(tokens.expires_in, 3_600)
      })

      test('refreshes: the next token is for the same API, user and session, at every instance', async () => {
        const { tokens } = await loggedIn(config)
        const elsewhere = await discovered(idp.url, client)
        elsewhere[oidc.customFetch] = (url, init) => fetch(url.replace(idp.url, other.url), init as RequestInit)
        const next = await oidc.refreshTokenGrant(elsewhere, tokens.refresh_token ?? '')
        const claims = decodeUnverified(next.access_token).payload
        const before = decodeUnverified(tokens.access_token).payload
        for (const name of ['sub', 'aud', 'scope', 'sid', 'client_id']) assert.equal(claims[name], before[name], name)
        assert.notEqual(claims.jti, before.jti)
        assert.equal(next.claims()?.sid, tokens.claims()?.sid)
      })

      test('keeps a refresh token beyond the login, where it asks for that and the user consents', async () => {
        const by = userAgent(idp.url)
        const asked = { scope: `${scope} offline_access`, prompt: 'consent', resource: audience }
        const begun = await beginLogin(config, asked)
        const page = await typeIn(by, await by.go(begun.url), user)
        const back = hasForm(page, '/consent') ? await by.submit(page, '/consent') : page
        assert.ok(isBack(back))
        const tokens = await oidc.authorizationCodeGrant(config, back.url, begun.checks, { resource: audience })
        const leave = await by.go(oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token ?? '' }).href)
        await by.submit(leave, '/session/end/confirm', { logout: 'yes' })
        const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
        assert.equal(decodeUnverified(next.access_token).payload.scope, 'reports:read')
      })

      test('logs out: the user comes back to it, and its tokens go no further', async () => {
        const { by, tokens } = await loggedIn(config)
        const asked = {
          id_token_hint: tokens.id_token ?? '',
          post_logout_redirect_uri: goodbye,
          state: 'after',
        }
        const page = await by.go(oidc.buildEndSessionUrl(config, asked).href)
        const gone = await by.submit(page, '/session/end/confirm', { logout: 'yes' })
        assert.equal(gone.url.href, `${goodbye}?state=after`)
        await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), { error: 'invalid_grant' })
      })

      test('gives a refresh token back, also one whose successor it never got', async () => {
        for (const isRotated of [false, true]) {
          const { tokens } = await loggedIn(config)
          const refresh = tokens.refresh_token ?? ''
          const next = isRotated ? await oidc.refreshTokenGrant(config, refresh) : tokens
          await oidc.tokenRevocation(config, refresh)
          for (const token of [refresh, next.refresh_token ?? '']) {
            await assert.rejects(oidc.refreshTokenGrant(config, token), { error: 'invalid_grant' })
          }
        }
      })

      test('has its users’ tokens introspected: by itself, by another client with tokens:read, and by no other', async () => {
        const { tokens } = await loggedIn(config)
        const told = await oidc.tokenIntrospection(config, tokens.access_token)
        assert.deepEqual(
          [told.active, told.sub, told.scope, told.client_id, told.aud],
          [true, user.accountId, 'reports:read', clientId, audience],
        )
        const { token: iat } = await initialToken(idp, { client_profile: 'introspector' })
        const { clientId: id, secret } = await registerClient(idp, { profile: 'introspector', iat })
        const byOther = basic({ clientId: id, clientSecret: secret })
        const { body } = await introspectedBy(byOther, tokens.access_token)
        assert.deepEqual([body.active, body.sub, body.sid], [true, user.accountId, tokens.claims()?.sid])
        assert.equal((await introspectedBy(basic(agent), tokens.access_token)).status, 403)
        await idp.manage('PATCH', `/api/v1/accounts/${user.accountId}`, { password: 'correct horse battery' })
        assert.deepEqual((await introspectedBy(byOther, tokens.access_token)).body, { active: false })
      })
    })
  }

  test('whose new key an administrator sets is let in by it at once, everywhere, and by the old one no more', async () => {
    const client = await registered('bff-key', 'shop-that-rotates')
    const { clientId, key } = client
    const bearer = await idp.management()
    const path = `/api/clients/${clientId}/jwks`
    const [next, afterNext] = [newKey(), newKey()]
    const statuses = async (by: typeof key) =>
      Promise.all([idp, other].map(async (at) => (await tokenAt(at, clientId, by)).status))
    // Both are good while a replica may still sign by the old one.
    assert.equal((await sendAs(idp, bearer, 'POST', path, next.jwk)).status, 200)
    assert.deepEqual(
      [await statuses(key), await statuses(next)],
      [
        [200, 200],
        [200, 200],
      ],
    )
    assert.equal((await sendAs(idp, bearer, 'PUT', path, { keys: [afterNext.jwk] })).status, 200)
    assert.deepEqual(await statuses(afterNext), [200, 200])
    assert.deepEqual(
      [await statuses(key), await statuses(next)],
      [
        [401, 401],
        [401, 401],
      ],
    )
  })

  /** An assertion is for the issuer, whichever instance is asked. */
  function tokenAt(at: TestInstance, clientId: string, key: TestClient['key']) {
    return tokenByKey(at, clientId, key, { client_assertion: assertionOf(idp, clientId, key) })
  }
})
