import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { freePort } from '@rekey/database/testing'
import { verifyJwt } from '@rekey/verifier'
import * as oidc from 'openid-client'
import { decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { backChannel } from './back-channel.ts'
import { beginLogin, discovered, logIn, makeUser, registerWeb, type TestUser, tokensFor } from './setting.ts'
import { type UserAgent, userAgent } from './user-agent.ts'

const goodbye = 'https://app.example.com/goodbye'
/** The operator names it, and nothing is there. */
const nobodys = 'http://localhost:1/logout'

describe('a logout', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let user: TestUser
  let backend: Awaited<ReturnType<typeof backChannel>>
  let late: number
  before(async () => {
    estate = await startEstate()
    backend = await backChannel()
    late = await freePort()
    idp = await estate.instance({
      REKEY_OUTBOUND_ALLOW: [backend.url, nobodys, `http://localhost:${late}`]
        .map((url) => new URL(url).host)
        .join(','),
    })
    user = await makeUser(idp)
  })
  after(async () => {
    backend.close()
    await estate.stop()
  })

  async function loggedIn(more: object = {}, scope = 'openid') {
    const wish = { profile: 'code-flow-secret', post_logout_redirect_uris: [goodbye], ...more }
    const client = await registerWeb(idp, wish)
    const config = await discovered(idp.url, client)
    const by = userAgent(idp.url)
    const begun = await beginLogin(config, { scope, ...(scope.includes('offline') ? { prompt: 'consent' } : {}) })
    const back = await logIn(idp.url, user, begun, by)
    const tokens = await oidc.authorizationCodeGrant(config, back, begun.checks)
    return { client, config, by, tokens }
  }
  const logOut = async (config: oidc.Configuration, by: UserAgent, hint = '') => {
    const asked = { id_token_hint: hint, post_logout_redirect_uri: goodbye, state: 'after' }
    const page = await by.go(oidc.buildEndSessionUrl(config, asked).href)
    return by.submit(page, '/session/end/confirm', { logout: 'yes' })
  }

  test('leads back to the client, and ends what hung on the session', async () => {
    const { config, by, tokens } = await loggedIn()
    const gone = await logOut(config, by, tokens.id_token)
    assert.equal(gone.url.href, `${goodbye}?state=after`)
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), { error: 'invalid_grant' })
    await assert.rejects(oidc.fetchUserInfo(config, tokens.access_token, user.accountId))
    const again = await by.go((await beginLogin(config)).url)
    assert.match(again.page, /type="password"/)
  })

  test('may be asked for by POST, with nothing in an address of the client (RP-Initiated Logout §2)', async () => {
    const { by, tokens } = await loggedIn()
    const form = { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: goodbye, state: 'after' }
    const page = await by.go(`${idp.url}/api/oidc/session/end`, { form })
    const gone = await by.submit(page, '/session/end/confirm', { logout: 'yes' })
    assert.equal(gone.url.href, `${goodbye}?state=after`)
    const { url } = await by.go(`${idp.url}/api/oidc/session/end`, { form: {} })
    assert.equal(url.href, `${idp.url}/api/oidc/session/end`, 'of nobody in particular')
  })

  test('leaves a refresh token that was to outlive it', async () => {
    const { config, by, tokens } = await loggedIn({}, 'openid offline_access')
    await logOut(config, by, tokens.id_token)
    assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token)
  })

  test('is told to each client of the session, by its back channel', async () => {
    const { client, config, by, tokens } = await loggedIn({
      backchannel_logout_uri: backend.url,
      backchannel_logout_session_required: true,
    })
    await logOut(config, by, tokens.id_token)
    await eventually(
      async () => backend.told,
      (told) => told.length === 1,
    )
    const jwks = (await idp.call('/.well-known/jwks.json')).body
    const expected = { issuer: idp.url, audience: client.clientId, algorithms: ['ES256'], requiredTyp: 'logout+jwt' }
    const { payload } = verifyJwt(backend.told[0] ?? '', { jwks, ...expected })
    assert.deepEqual([payload.sub, payload.sid], [user.accountId, tokens.claims()?.sid])
    assert.ok(Object.keys(payload.events as object)[0]?.includes('backchannel-logout'))
  })

  test('of one client leaves the others of the session alone; of the whole session all of them are told', async () => {
    const by = userAgent(idp.url)
    const names = ['a', 'b', 'c']
    const join = async (name: string) => {
      const client = await registerWeb(idp, {
        profile: 'code-flow-secret',
        post_logout_redirect_uris: [goodbye],
        backchannel_logout_uri: new URL(`/${name}`, backend.url).href,
        backchannel_logout_session_required: true,
      })
      const config = await discovered(idp.url, client)
      return { client, config, tokens: await tokensFor(idp.url, config, user, { scope: 'openid' }, by) }
    }
    const [a, b, c] = [await join('a'), await join('b'), await join('c')]
    const toldPaths = () => backend.paths.filter((path) => names.includes(path.slice(1))).toSorted()
    const tells = (...paths: string[]) =>
      eventually(
        async () => toldPaths(),
        (seen) => isDeepStrictEqual(seen, paths),
      )
    const leave = async ({ config, tokens }: typeof a, typed: Record<string, string>) => {
      const asked = { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: goodbye, state: 'after' }
      const page = await by.go(oidc.buildEndSessionUrl(config, asked).href)
      const gone = await by.submit(page, '/session/end/confirm', typed)
      assert.equal(gone.url.href, `${goodbye}?state=after`)
    }
    const isKnown = ({ config, tokens }: typeof a) =>
      oidc.fetchUserInfo(config, tokens.access_token, user.accountId).then(
        () => true,
        () => false,
      )
    await leave(a, {})
    await tells('/a')
    assert.deepEqual([await isKnown(b), await isKnown(c)], [true, true])
    await tokensFor(idp.url, a.config, user, { scope: 'openid' }, by)
    await leave(b, { logout: 'yes' })
    await tells('/a', '/a', '/b', '/c')
    assert.deepEqual([await isKnown(b), await isKnown(c)], [false, false])
  })

  /** The code by which the log says that this client could not be told. */
  async function codeOfNotTold(clientId: string): Promise<string> {
    const find = async () =>
      idp.lines.find((line) => line.includes('could not be told of a logout') && line.includes(clientId))
    return JSON.parse((await eventually(find, (line) => line !== undefined)) ?? '').code
  }

  test('goes on where a client cannot be told, and the log says so', async () => {
    const { client, config, by, tokens } = await loggedIn({ backchannel_logout_uri: nobodys })
    assert.equal((await logOut(config, by, tokens.id_token)).url.href, `${goodbye}?state=after`)
    assert.equal(await codeOfNotTold(client.clientId), 'OUTBOUND_FAILED')
  })

  test('is told a little later to a client that was away at that moment', async () => {
    const wish = { backchannel_logout_uri: `http://localhost:${late}/late`, backchannel_logout_session_required: true }
    const { client, config, by, tokens } = await loggedIn(wish)
    await logOut(config, by, tokens.id_token)
    assert.equal(await codeOfNotTold(client.clientId), 'OUTBOUND_FAILED')
    const back = await backChannel(late)
    const told = await eventually(
      async () => back.told,
      (tokens) => tokens.length === 1,
    )
    back.close()
    assert.equal(decodeUnverified(told[0] ?? '').payload.sid, tokens.claims()?.sid)
  })

  for (const host of ['localhost', '127.0.0.1']) {
    test(`is not told to ${host}, a private address that the operator did not name, and the log says so`, async (t) => {
      let connections = 0
      const inside = createServer((socket) => {
        connections += 1
        socket.destroy()
      }).listen(0, host)
      t.after(() => inside.close())
      await once(inside, 'listening')
      const { port } = inside.address() as AddressInfo
      const wish = { backchannel_logout_uri: `https://${host}:${port}/logout` }
      const { client, config, by, tokens } = await loggedIn(wish)
      assert.equal((await logOut(config, by, tokens.id_token)).url.href, `${goodbye}?state=after`)
      assert.equal(await codeOfNotTold(client.clientId), 'OUTBOUND_REFUSED')
      assert.equal(connections, 0)
    })
  }

  test('leads nowhere that the client did not register, and takes no hint that is not ours', async () => {
    const { config, by, tokens } = await loggedIn()
    const elsewhere = { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: 'https://evil.example.com/' }
    assert.equal((await by.go(oidc.buildEndSessionUrl(config, elsewhere).href)).status, 400)
    const [head, payload] = (tokens.id_token ?? '').split('.')
    const forged = { id_token_hint: `${head}.${payload}.${'A'.repeat(86)}`, post_logout_redirect_uri: goodbye }
    assert.equal((await by.go(oidc.buildEndSessionUrl(config, forged).href)).status, 400)
  })

  test('lets whoever did not mean it stay', async () => {
    const { config, by, tokens } = await loggedIn()
    const page = await by.go(oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token ?? '' }).href)
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    const forged = await by.go(`${idp.url}/api/oidc/session/end/confirm`, {
      form: { xsrf: 'guessed', logout: 'yes' },
      headers: { origin: idp.url, 'sec-fetch-site': 'same-origin' },
    })
    assert.equal(forged.status, 400)
    assert.ok((await oidc.fetchUserInfo(config, tokens.access_token, user.accountId)).sub)
  })
})
