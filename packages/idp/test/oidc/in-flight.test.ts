import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as oidc from 'openid-client'
import { type Changing, signedBy, startChanging } from './changing-keys.ts'
import {
  audience,
  beginLogin,
  consent,
  discovered,
  makeUser,
  prepared,
  registerWeb,
  type TestUser,
  tokensFor,
  typeIn,
} from './setting.ts'
import { userAgent } from './user-agent.ts'

describe('a login, while the signing key is rotated again and again', { timeout: 300_000 }, () => {
  let keys: Changing
  let user: TestUser
  let config: oidc.Configuration
  before(async () => {
    keys = await startChanging()
    user = await makeUser(keys.idp)
    config = await discovered(keys.url, await prepared(await registerWeb(keys.idp)))
  })
  after(() => keys.stop())

  test('goes on though another key signs at each of its steps, and its tokens are good', async () => {
    const by = userAgent(keys.url)
    const begun = await beginLogin(config, { resource: audience, prompt: 'consent', scope: 'openid offline_access' })
    const form = await by.go(begun.url)
    await keys.rotate()
    const asked = await typeIn(by, form, user)
    await keys.rotate()
    const back = await consent(by, asked)
    const first = await keys.rotate()
    const tokens = await oidc.authorizationCodeGrant(config, back.url, begun.checks, { resource: audience })
    const second = await keys.rotate()
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
    assert.deepEqual([tokens.access_token, tokens.id_token].map(signedBy), [first, first])
    assert.deepEqual([next.access_token, next.id_token].map(signedBy), [second, second])
    const accepted = keys.instances.map(({ idp }) => idp.instance.keys().publicKeys.map(({ kid }) => kid))
    for (const kids of accepted) assert.ok([first, second].every((kid) => kids.includes(kid)))
  })

  test('takes no ID token of a key that was revoked after its rotation for a hint', async () => {
    const tokens = await tokensFor(keys.url, config, user)
    await keys.rotate()
    const end = oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token ?? '' }).href
    assert.equal((await userAgent(keys.url).go(end)).status, 200)
    await keys.revoke(signedBy(tokens.id_token))
    for (const { url } of keys.instances) {
      const page = await userAgent(keys.url, () => url).go(end)
      assert.equal(page.status, 400)
    }
  })

  test('fails none of two hundred requests that are in flight meanwhile', async () => {
    const by = userAgent(keys.url)
    const logins = []
    for (let login = 0; login < 10; login += 1) logins.push(await tokensFor(keys.url, config, user, {}, by))
    let isOver = false
    let refreshed = 0
    const busy = logins.map(async ({ refresh_token: first }) => {
      let token = first ?? ''
      while (!isOver || refreshed < 200) {
        const next = await oidc.refreshTokenGrant(config, token)
        token = next.refresh_token ?? ''
        refreshed += 1
      }
    })
    for (let turn = 0; turn < 3; turn += 1) await Promise.race([keys.rotate(), ...busy])
    isOver = true
    await Promise.all(busy)
    assert.ok(refreshed >= 200)
  })
})
