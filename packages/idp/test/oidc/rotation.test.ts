import assert from 'node:assert/strict'
import { request as call, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import * as oidc from 'openid-client'
import { decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
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

/** One address for several instances: each request goes to the next of them. */
async function roundRobin() {
  const ports: number[] = []
  let next = 0
  const server = createServer((incoming, outgoing) => {
    const port = ports[next++ % ports.length]
    const { method, url, headers } = incoming
    const passed = call({ port, method, path: url, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://localhost:${port}`, ports, close: () => server.close().closeAllConnections() }
}

describe('a login that is under way while the signing keys change', { timeout: 300_000 }, () => {
  let estate: Estate
  let front: Awaited<ReturnType<typeof roundRobin>>
  let idp: TestInstance
  let other: TestInstance
  let user: TestUser
  let config: oidc.Configuration
  let bearer: string
  before(async () => {
    estate = await startEstate()
    front = await roundRobin()
    idp = await estate.instance({ REKEY_ISSUER: front.url })
    other = await estate.instance({ REKEY_ISSUER: front.url })
    for (const { url } of [idp, other]) front.ports.push(Number(new URL(url).port))
    user = await makeUser(idp)
    config = await discovered(front.url, await prepared(await registerWeb(idp)))
    bearer = await idp.management()
  })
  after(async () => {
    front.close()
    await estate.stop()
  })

  const path = '/api/v1/keyrings/signing-es256'
  const keyring = async () => (await idp.manage('GET', path, undefined, bearer)).body
  type Version = { id: string; state: string; servedAt?: string }
  const inState = async (state: string) => (await keyring()).versions.filter((each: Version) => each.state === state)

  /** Through the real loop: the standby key takes over at every instance. */
  async function rotate(): Promise<string> {
    await eventually(
      () => inState('prepared'),
      (found) => found.some((each: Version) => each.servedAt),
    )
    const [before] = await inState('active')
    assert.equal((await idp.manage('POST', `${path}/rotate`, { reason: 'drill' }, bearer)).status, 202)
    const active = () => [idp, other].map(({ idp }) => idp.instance.keys().active('signing-es256').kid)
    const kids = await eventually(
      async () => active(),
      (found) => found.every((kid) => kid !== before.id),
    )
    return kids[0] as string
  }

  const signedBy = (token: string | undefined) => decodeUnverified(token ?? '').header.kid

  test('goes on, wherever in it they change, at whichever instance, and its tokens are good', async () => {
    for (const moment of [
      'before the login',
      'before the consent',
      'before the code',
      'before the tokens',
      'before the refresh',
    ]) {
      const by = userAgent(front.url)
      let kid = ''
      const at = async (name: string) => {
        if (name === moment) kid = await rotate()
      }
      const begun = await beginLogin(config, { resource: audience, prompt: 'consent', scope: 'openid offline_access' })
      const form = await by.go(begun.url)
      await at('before the login')
      const asked = await typeIn(by, form, user)
      await at('before the consent')
      const back = await consent(by, asked)
      await at('before the tokens')
      const tokens = await oidc.authorizationCodeGrant(config, back.url, begun.checks, { resource: audience })
      await at('before the refresh')
      const next = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
      if (moment === 'before the code') {
        const again = await beginLogin(config)
        await rotate()
        const second = await consent(by, await by.go(again.url))
        kid = await rotate()
        await oidc.authorizationCodeGrant(config, second.url, again.checks)
        continue
      }
      assert.deepEqual([signedBy(next.access_token), signedBy(next.id_token)], [kid, kid], moment)
      const { publicKeys } = idp.idp.instance.keys()
      for (const token of [tokens.access_token, tokens.id_token, next.access_token]) {
        assert.ok(
          publicKeys.some((key) => key.kid === signedBy(token)),
          moment,
        )
      }
    }
  })

  test('takes no ID token of a key that was revoked for a hint', async () => {
    const tokens = await tokensFor(front.url, config, user)
    const kid = signedBy(tokens.id_token)
    await rotate()
    const end = oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token ?? '' }).href
    assert.equal((await userAgent(front.url).go(end)).status, 200)
    const revoked = await idp.manage('POST', `${path}/revoke`, { id: kid, reason: 'compromised' }, bearer)
    assert.ok(revoked.status < 300, JSON.stringify(revoked.body))
    for (const { url } of [idp, other]) {
      const page = await userAgent(front.url, () => url).go(end)
      assert.equal(page.status, 400)
    }
  })

  test('fails none of two hundred requests that are in flight while they change', async () => {
    const by = userAgent(front.url)
    const logins = []
    for (let login = 0; login < 10; login += 1) logins.push(await tokensFor(front.url, config, user, {}, by))
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
    for (let turn = 0; turn < 3; turn += 1) await Promise.race([rotate(), ...busy])
    isOver = true
    await Promise.all(busy)
    assert.ok(refreshed >= 200)
  })
})
