import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import * as oidc from 'openid-client'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { onIncident, open } from '../incidents/setting.ts'
import type { TestClient } from '../registration/client.ts'
import { discovered, makeUser, password, prepared, registerWeb, type TestUser, tokensFor } from './setting.ts'
import { type UserAgent, userAgent } from './user-agent.ts'

const refused = { error: 'invalid_grant' }

describe('a refresh token whose reply was lost', { timeout: 300_000 }, () => {
  let estate: Estate
  let here: TestInstance
  let there: TestInstance
  let client: TestClient
  let user: TestUser
  let atHere: oidc.Configuration
  let atThere: oidc.Configuration
  before(async () => {
    estate = await startEstate()
    here = await estate.instance()
    there = await estate.instance({ REKEY_ISSUER: here.url })
    client = await prepared(await registerWeb(here))
    atHere = await discovered(here.url, client)
    atThere = through(there, await discovered(here.url, client))
    user = await makeUser(here)
  })
  after(() => estate.stop())

  /** As a client has it whose requests a balancer sends to that instance. */
  function through(idp: TestInstance, config: oidc.Configuration): oidc.Configuration {
    config[oidc.customFetch] = (url, init) => fetch(url.replace(here.url, idp.url), init as RequestInit)
    return config
  }

  const login = (of = atHere, by = userAgent(here.url)) => tokensFor(here.url, of, user, {}, by)
  const refresh = async (token: string | undefined, of = atHere) =>
    (await oidc.refreshTokenGrant(of, token ?? '')).refresh_token ?? ''
  /** As if all that was used had been used so much earlier. */
  const age = (seconds: number) =>
    sql`UPDATE oidc_state SET consumed_at = consumed_at - ${seconds}::float8 * interval '1 second'`.execute(estate.db)

  test('is taken once more from its client, at any instance, and the session goes on by whichever reply is kept', async () => {
    for (const kept of ['first', 'second'] as const) {
      const { refresh_token: token } = await login()
      const replies = { first: await refresh(token), second: await refresh(token, atThere) }
      assert.notEqual(replies.first, replies.second)
      const next = await refresh(await refresh(replies[kept]))
      assert.ok(await refresh(next, atThere))
    }
  })

  test('is taken from several at the same moment, and each of their replies leads on', async () => {
    const { refresh_token: token } = await login()
    const replies = await Promise.all([atHere, atThere, atHere, atThere].map((of) => refresh(token, of)))
    assert.equal(new Set(replies).size, replies.length)
    const next = await Promise.all(replies.map((reply, n) => refresh(reply, n % 2 === 0 ? atHere : atThere)))
    assert.ok(await refresh(next.at(-1)))
  })

  test('is a replay after the interval, which ends all that was granted with it', async () => {
    const tokens = await login()
    const next = await refresh(tokens.refresh_token)
    await age(61)
    await assert.rejects(refresh(tokens.refresh_token, atThere), refused)
    await assert.rejects(refresh(next), refused)
    await assert.rejects(oidc.fetchUserInfo(atHere, tokens.access_token, user.accountId))
  })

  test('is not good for longer because it was used again', async () => {
    const { refresh_token: token } = await login()
    await refresh(token)
    await age(40)
    await refresh(token)
    await age(40)
    await assert.rejects(refresh(token), refused)
  })

  test('is a replay once a successor was used, however soon, at whichever instance', async () => {
    const { refresh_token: token } = await login()
    const next = await refresh(token)
    const last = await refresh(next, atThere)
    await assert.rejects(refresh(token), refused)
    await assert.rejects(refresh(last), refused)
    await assert.rejects(refresh(next), refused)
  })

  test('leaves no second line of tokens: what was given beside the one that goes on is a replay after the interval', async () => {
    const { refresh_token: token } = await login()
    const [kept, stolen] = [await refresh(token), await refresh(token)]
    const next = await refresh(kept)
    await age(61)
    await assert.rejects(refresh(stolen, atThere), refused)
    await assert.rejects(refresh(next), refused)
  })

  test('is no replay because of another login in the same session, however often that was refreshed', async () => {
    const by = userAgent(here.url)
    const [one, other] = [await login(atHere, by), await login(atHere, by)]
    let busy = other.refresh_token
    for (let turn = 0; turn < 3; turn += 1) busy = await refresh(busy)
    await age(61)
    const next = await refresh(one.refresh_token)
    assert.ok(await refresh(one.refresh_token))
    assert.ok(await refresh(await refresh(next)))
    assert.ok(await refresh(busy))
  })

  test('is nothing to another client, which ends nothing by it', async () => {
    const { refresh_token: token } = await login()
    const next = await refresh(token)
    const other = await discovered(here.url, await registerWeb(here, { profile: 'code-flow-secret' }))
    await assert.rejects(refresh(token, other), refused)
    await assert.rejects(refresh(next, other), refused)
    assert.ok(await refresh(token))
    assert.ok(await refresh(next))
  })

  test('is good once from a client that cannot authenticate', async () => {
    const spa = await discovered(here.url, await registerWeb(here, { profile: 'spa' }))
    const { refresh_token: token } = await login(spa)
    const next = await refresh(token, spa)
    await assert.rejects(refresh(token, spa), refused)
    await assert.rejects(refresh(next, spa), refused)
  })

  test('is good once from everybody where the operator wants that', async () => {
    const strict = await estate.instance({ REKEY_ISSUER: here.url, REKEY_REFRESH_REUSE: '0s' })
    const config = through(strict, await discovered(here.url, client))
    const { refresh_token: token } = await login()
    const outcomes = await Promise.allSettled([refresh(token, config), refresh(token, config), refresh(token, config)])
    assert.ok(outcomes.filter(({ status }) => status === 'fulfilled').length <= 1)
    await assert.rejects(refresh(token, config), refused)
    await strict.close()
  })

  test('ends with the login, in between too: by a logout, a new password, a revocation or an incident', async () => {
    const ends: Record<string, (token: string, by: UserAgent) => Promise<unknown>> = {
      logout: async (_token, by) => {
        const page = await by.go(oidc.buildEndSessionUrl(atHere, { client_id: client.clientId }).href)
        await by.submit(page, '/session/end/confirm', { logout: 'yes' })
      },
      password: () => here.manage('PATCH', `/api/v1/accounts/${user.accountId}`, { password }),
      revocation: (token) => oidc.tokenRevocation(atHere, token),
      incident: async () => {
        await open(here, 'reuse', { sessions: [{ sub: user.accountId }] })
        const ended = await here.manage('POST', '/api/v1/incidents/reuse/sessions')
        assert.equal(ended.status, 200, JSON.stringify(ended.body))
        assert.equal((await onIncident(here, 'reuse').unfreeze()).status, 200)
      },
    }
    for (const [what, end] of Object.entries(ends)) {
      const by = userAgent(here.url)
      const { refresh_token: token } = await login(atHere, by)
      const next = await refresh(token)
      await end(token ?? '', by)
      await assert.rejects(refresh(token, atThere), refused, what)
      await assert.rejects(refresh(next), refused, what)
    }
  })

  test('that a release issued which counted none is good once more only until it was used', async () => {
    const { refresh_token: token } = await login()
    await sql`UPDATE oidc_state SET line = NULL, generation = NULL WHERE model = 'RefreshToken'`.execute(estate.db)
    const next = await refresh(token)
    assert.ok(await refresh(next))
    await assert.rejects(refresh(token), refused)
  })
})
