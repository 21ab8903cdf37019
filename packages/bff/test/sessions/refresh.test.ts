import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { eventually, loggedIn, startEstate } from './estate.ts'

test('of two instances that find an access token over at once one refreshes, and both have the new one', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  const old = await Promise.all(replicas.map(({ origin }) => user.token(origin)))
  estate.ahead = 301_000
  const asked = replicas.flatMap(({ origin }) => Array.from({ length: 5 }, () => user.token(origin)))
  const tokens = new Set(await Promise.all(asked))
  assert.equal(tokens.size, 1)
  assert.match(String([...tokens][0]), /^at-ada-/)
  assert.ok(!old.includes([...tokens][0] as string))
  assert.equal(estate.idp.refreshes, 1)
  assert.equal(
    (await replicas[0]?.counted('refreshSuccess')) ?? 0,
    1 - ((await replicas[1]?.counted('refreshSuccess')) ?? 0),
  )
})

test('a token is refreshed ahead of its end, and nobody waits for that', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  const old = await user.token()
  estate.ahead = 230_000
  assert.equal(await user.token(), old)
  assert.equal(estate.idp.refreshes, 0)
  estate.ahead = 241_000
  const held = estate.idp.holdNext('refresh')
  for (const { origin } of [...replicas, ...replicas]) assert.equal(await user.token(origin), old)
  await held.asked
  held.letGo()
  for (const { origin } of replicas) {
    await eventually(
      () => user.token(origin),
      (token) => token !== old && typeof token === 'string',
    )
  }
  assert.equal(estate.idp.refreshes, 1)
})

test('an access token that lives for a shorter time is refreshed after half its life', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  estate.idp.lifeMs = 20_000
  await estate.replica()
  const user = await loggedIn(estate)
  const old = await user.token()
  estate.ahead = 8_000
  assert.equal(await user.token(), old)
  assert.equal(estate.idp.refreshes, 0)
  estate.ahead = 11_000
  await eventually(
    () => user.token(),
    (token) => token !== old && typeof token === 'string',
  )
})

test('an instance that dies while it refreshes logs nobody out: another one refreshes by the same token', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  const held = estate.idp.holdNext('refresh')
  estate.ahead = 301_000
  const unanswered = user.token(first.origin)
  await held.asked
  // Its lease is gone, as it would be after some seconds.
  await first.view.close()
  const token = await user.token(second.origin)
  assert.match(String(token), /^at-ada-/)
  assert.equal(estate.idp.refreshes, 2)
  held.letGo()
  await unanswered
  // What the dead one still brought counts for nothing.
  assert.equal(await user.token(second.origin), token)
  assert.equal((await estate.sessions())[0]?.revision, 2)
})

test('an instance that dies while it refreshes logs out nobody who went away either: what it began is taken over unasked', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const others = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  const held = estate.idp.holdNext('refresh')
  estate.ahead = 301_000
  const unanswered = user.token(first.origin)
  await held.asked
  await first.view.close()
  await eventually(
    async () => (await estate.sessions())[0],
    (row) => row?.revision === 2 && row.refreshing_by === null,
  )
  assert.equal(estate.idp.refreshes, 2)
  for (const { origin } of others) assert.match(String(await user.token(origin)), /^at-ada-/)
  assert.equal(estate.idp.refreshes, 2)
  held.letGo()
  await unanswered
})

test('a claim ends by itself, and until then a request whose token is over waits', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  estate.ahead = 301_000
  await sql`UPDATE sessions SET refreshing_until = now() + interval '30 s', refreshing_by = ${first.view.id}`.execute(
    estate.control.db,
  )
  const waiting = user.token(second.origin)
  assert.equal(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 500, 'waits'))]), 'waits')
  assert.equal(estate.idp.refreshes, 0)
  await sql`UPDATE sessions SET refreshing_until = now()`.execute(estate.control.db)
  assert.match(String(await waiting), /^at-ada-/)
  assert.equal(estate.idp.refreshes, 1)
})

test('an instance goes on from a claim of its own that a lost database left behind', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin, view } = await estate.replica()
  const user = await loggedIn(estate)
  estate.ahead = 301_000
  await sql`UPDATE sessions SET refreshing_until = now() + interval '1 hour', refreshing_by = ${view.id}`.execute(
    estate.control.db,
  )
  assert.match(String(await user.token(origin)), /^at-ada-/)
  assert.equal(estate.idp.refreshes, 1)
})

test('a refresh token that is dead ends the session everywhere', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  await user.token(second.origin)
  estate.idp.forgetRefreshTokens()
  estate.ahead = 301_000
  assert.equal(await user.token(first.origin), 401)
  assert.equal(await user.token(second.origin), 401)
  assert.deepEqual(await estate.sessions(), [])
  assert.deepEqual(
    (await estate.events('session.ended')).map(({ actor, reason }) => [actor, reason]),
    [['rekey', 'refresh refused']],
  )
  assert.equal(await first.counted('refreshFailed'), 1)
})

test('a refresh that brings the tokens of another user ends the session', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  estate.idp.refreshesFor = 'eve'
  estate.ahead = 301_000
  assert.equal(await user.token(origin), 401)
  assert.deepEqual(await estate.sessions(), [])
})

test('a provider that is down costs nobody the session', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin, bff } = await estate.replica()
  const user = await loggedIn(estate)
  const old = await user.token()
  await estate.idp.stop()
  estate.ahead = 241_000
  for (let n = 0; n < 5; n++) assert.equal(await user.token(), old)
  await eventually(
    () => bff.metrics.refreshFailed.get(),
    ({ values }) => (values[0]?.value ?? 0) > 0,
  )
  estate.ahead = 301_000
  const refused = await user.ask(origin, '/api/token')
  assert.equal(refused.status, 503)
  assert.equal(((await refused.json()) as { code: string }).code, 'IDP_UNAVAILABLE')
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.deepEqual(refused.headers.getSetCookie(), [])
  await estate.idp.start()
  const token = await eventually(
    () => user.token(),
    (answer) => answer !== 503,
  )
  assert.match(String(token), /^at-ada-/)
  assert.notEqual(token, old)
})

test('without a refresh token a session is as long as its access token', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  estate.idp.givesRefreshTokens = false
  await estate.replica()
  const user = await loggedIn(estate)
  estate.ahead = 299_000
  assert.match(String(await user.token()), /^at-ada-/)
  estate.ahead = 301_000
  assert.equal(await user.token(), 401)
  assert.deepEqual(await estate.sessions(), [])
  assert.equal(estate.idp.refreshes, 0)
})

test('who logs out while his session is refreshed stays logged out, and the new refresh token is revoked', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  const { body } = await user.session()
  const held = estate.idp.holdNext('refresh')
  estate.ahead = 301_000
  const refreshing = user.token(first.origin)
  await held.asked
  const headers = { 'x-csrf-token': body.csrf_token }
  const out = await user.ask(second.origin, '/auth/logout', { method: 'POST', headers })
  assert.equal(out.status, 200)
  held.letGo()
  assert.equal(await refreshing, 401)
  assert.equal(estate.idp.refreshes, 1)
  assert.deepEqual(await estate.sessions(), [])
  await eventually(
    () => estate.idp.revoked.filter((token) => token.startsWith('rt-')).length,
    (count) => count === 2,
  )
})
