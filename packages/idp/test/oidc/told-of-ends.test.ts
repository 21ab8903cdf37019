import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { verifyJwt } from '@rekey/verifier'
import { sql } from 'kysely'
import * as oidc from 'openid-client'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { open } from '../incidents/setting.ts'
import type { RegistrationWish } from '../registration/client.ts'
import { audience, discovered, makeUser, password, registerWeb, type TestUser, tokensFor } from './setting.ts'
import { userAgent } from './user-agent.ts'

/** A client's own server, which answers as it is told to. */
async function listener() {
  const told: { path: string; token: string }[] = []
  const answers = new Map<string, number[]>()
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    const status = answers.get(path)?.shift() ?? 200
    const token = new URLSearchParams(await text(request)).get('logout_token') ?? ''
    if (status === 200) told.push({ path, token })
    response.writeHead(status).end()
  }).listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { told, answers, url: `http://localhost:${port}`, close: () => server.close().closeAllConnections() }
}

describe('clients whose users did not log out themselves', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let user: TestUser
  let backend: Awaited<ReturnType<typeof listener>>
  before(async () => {
    estate = await startEstate()
    backend = await listener()
    idp = await estate.instance({ REKEY_OUTBOUND_ALLOW: `${new URL(backend.url).host},localhost:1` })
  })
  after(async () => {
    backend.close()
    await estate.stop()
  })

  let logins = 0
  async function loggedIn(of: TestUser, more: RegistrationWish = {}, by = userAgent(idp.url)) {
    logins += 1
    const path = `/told-${logins}`
    const client = await registerWeb(idp, {
      profile: 'code-flow-secret',
      backchannel_logout_uri: backend.url + path,
      backchannel_logout_session_required: true,
      ...more,
    })
    const config = await discovered(idp.url, client)
    const tokens = await tokensFor(idp.url, config, of, { scope: 'openid', resource: audience }, by)
    return { client, config, tokens, path, by, sid: tokens.claims()?.sid as string }
  }
  const tokensTold = (path: string) => backend.told.filter((each) => each.path === path).map(({ token }) => token)
  const until = (path: string, count = 1) =>
    eventually(
      async () => tokensTold(path),
      (tokens) => tokens.length >= count,
    )
  const queued = async (clientId: string) =>
    (await estate.db.selectFrom('backchannel_logouts').selectAll().where('client_id', '=', clientId).execute()).length
  const outcomes = async (outcome: string) => {
    const page = (await idp.call('/metrics')).body as string
    return Number(new RegExp(`rekey_backchannel_logouts_total\\{outcome="${outcome}"\\} (\\d+)`).exec(page)?.[1] ?? 0)
  }
  const change = (of: TestUser, changes: object) => idp.manage('PATCH', `/api/v1/accounts/${of.accountId}`, changes)

  async function claimsOf(token: string, audience: string) {
    const jwks = (await idp.call('/.well-known/jwks.json')).body
    const expected = { issuer: idp.url, audience, algorithms: ['ES256'], requiredTyp: 'logout+jwt' }
    return verifyJwt(token, { jwks, ...expected }).payload as Record<string, unknown>
  }

  test('are told of it once, each by what it calls the session: a password, a disabled account, an incident', async () => {
    const ends: Record<string, (of: TestUser, sid: string) => Promise<unknown>> = {
      password: (of) => change(of, { password }),
      disabled: (of) => change(of, { status: 'disabled' }),
      'incident, by subject': (of) => endIn('by-sub', [{ sub: of.accountId }]),
      'incident, by session': (_of, sid) => endIn('by-sid', [{ sid }]),
      'incident, of everybody': () => endIn('all', [{ all: true }]),
    }
    for (const [what, end] of Object.entries(ends)) {
      user = await makeUser(idp)
      const one = await loggedIn(user)
      const other = await loggedIn(user, {}, one.by)
      await end(user, one.sid)
      for (const { path, client, sid } of [one, other]) {
        const [token = ''] = await until(path)
        const claims = await claimsOf(token, client.clientId)
        assert.deepEqual([claims.sub, claims.sid], [user.accountId, sid], what)
        assert.equal(claims.nonce, undefined)
        assert.equal(tokensTold(path).length, 1, what)
        await eventually(
          () => queued(client.clientId),
          (count) => count === 0,
        )
      }
    }
  })

  async function endIn(incident: string, sessions: object[]) {
    assert.equal((await open(idp, incident, { sessions })).status, 201)
    const ended = await idp.manage('POST', `/api/v1/incidents/${incident}/sessions`)
    assert.equal(ended.status, 200, JSON.stringify(ended.body))
    assert.equal((await idp.manage('POST', `/api/v1/incidents/${incident}/unfreeze`)).status, 200)
  }

  test('are told of sessions that they know by a client selector, whose users stay logged in elsewhere', async () => {
    user = await makeUser(idp)
    const one = await loggedIn(user)
    const other = await loggedIn(user, {}, one.by)
    await endIn('by-client', [{ clientId: one.client.clientId }])
    await until(one.path)
    assert.deepEqual(tokensTold(other.path), [])
    assert.ok((await oidc.refreshTokenGrant(other.config, other.tokens.refresh_token ?? '')).access_token)
  })

  test('are told of a login that outlived its session', async () => {
    user = await makeUser(idp)
    const { tokens, path, sid, client } = await loggedIn(user)
    await sql`DELETE FROM oidc_state WHERE model = 'Session' AND account_id = ${user.accountId}`.execute(estate.db)
    assert.ok(tokens.refresh_token)
    await change(user, { password })
    const [token = ''] = await until(path)
    assert.equal((await claimsOf(token, client.clientId)).sid, sid)
  })

  test('are not told where nothing ended, or where they have no address for it', async () => {
    const [untouched, own] = [await makeUser(idp), await makeUser(idp)]
    const one = await loggedIn(untouched)
    const silent = await loggedIn(own, {
      backchannel_logout_uri: undefined,
      backchannel_logout_session_required: undefined,
    })
    await change(own, { password })
    assert.equal(await queued(one.client.clientId), 0)
    assert.equal(await queued(silent.client.clientId), 0)
  })

  test('are told once more where they did not take it, and nobody waits for that', async () => {
    user = await makeUser(idp)
    const { path, client } = await loggedIn(user)
    backend.answers.set(path, [503, 500])
    const before = await outcomes('retried')
    const reply = await change(user, { password })
    assert.equal(reply.status, 200)
    const hurry = () =>
      sql`UPDATE backchannel_logouts SET due_at = least(due_at, now()) WHERE client_id = ${client.clientId}
        AND due_at < now() + interval '50 seconds'`.execute(estate.db)
    const seen = await eventually(
      async () => {
        await hurry()
        return tokensTold(path)
      },
      (tokens) => tokens.length > 0,
    )
    assert.equal(seen.length, 1)
    assert.equal((await outcomes('retried')) - before, 2)
  })

  test('that cannot be told are given up, which the log and a metric say', async () => {
    user = await makeUser(idp)
    const nobodys = await loggedIn(user, { backchannel_logout_uri: 'http://localhost:1/logout' })
    const forbidden = await loggedIn(user, { backchannel_logout_uri: 'https://127.0.0.1:2/logout' }, nobodys.by)
    const before = await outcomes('failed')
    await change(user, { password })
    await estate.db
      .updateTable('backchannel_logouts')
      .set({ ends_at: new Date(Date.now() - 1_000) })
      .where('client_id', '=', nobodys.client.clientId)
      .execute()
    await eventually(
      () => outcomes('failed'),
      (count) => count === before + 2,
    )
    for (const { client } of [nobodys, forbidden]) {
      const found = idp.lines.find((line) => line.includes('could not be told of') && line.includes(client.clientId))
      assert.ok(found)
      assert.equal(await queued(client.clientId), 0)
    }
  })

  test('are told although whoever took it to tell them was killed', async () => {
    user = await makeUser(idp)
    const { path, client } = await loggedIn(user)
    await sql`INSERT INTO backchannel_logouts (client_id, account_id, sid, attempts, due_at)
      VALUES (${client.clientId}, ${user.accountId}, 'some-sid', 1, now() + interval '1 second')`.execute(estate.db)
    const [token = ''] = await until(path)
    assert.equal((await claimsOf(token, client.clientId)).sid, 'some-sid')
  })

  test('hear of none that a client who is gone would have been told of', async () => {
    user = await makeUser(idp)
    const { client, path } = await loggedIn(user)
    const before = await outcomes('gone')
    await idp.manage('POST', `/api/v1/agents/${client.clientId}/suspend`, { reason: 'stolen' })
    await eventually(
      () => outcomes('gone'),
      (count) => count > before,
    )
    assert.deepEqual(tokensTold(path), [])
  })
})
