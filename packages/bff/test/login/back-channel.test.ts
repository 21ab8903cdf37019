import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '@rekey/database'
import { sql } from 'kysely'
import type { BffTables } from '../../src/tables.ts'
import { eventually, loggedIn, person, startEstate } from '../sessions/estate.ts'

const send = (origin: string, fields: Record<string, string>) =>
  fetch(`${origin}/auth/backchannel-logout`, { method: 'POST', body: new URLSearchParams(fields) })

test('the provider ends one session by its sid, at every instance before it is answered', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  estate.idp.sid = 'sid-2'
  const other = await loggedIn(estate)
  for (const device of [user, other]) await device.token(second.origin)
  const reply = await send(first.origin, { logout_token: estate.idp.logoutToken({ sid: 'sid-1', sub: 'ada' }) })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('cache-control'), 'no-store')
  assert.equal(await user.token(second.origin), 401)
  assert.match(String(await other.token(second.origin)), /^at-ada-/)
  const [event] = await estate.events('session.ended')
  assert.deepEqual([event?.actor, event?.reason], [estate.idp.issuer, 'back-channel logout'])
})

test('by the user alone it ends all of them', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const devices = [await loggedIn(estate), await loggedIn(estate)]
  estate.idp.user = 'grace'
  const other = await loggedIn(estate)
  assert.equal((await send(origin, { logout_token: estate.idp.logoutToken({ sub: 'ada' }) })).status, 200)
  for (const device of devices) assert.equal(await device.token(), 401)
  assert.match(String(await other.token()), /^at-grace-/)
})

test('a logout token is good once, also when it comes to two instances at once', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const token = estate.idp.logoutToken({ sub: 'ada' })
  const statuses = await Promise.all(
    [first, second, first, second].map(async ({ origin }) => (await send(origin, { logout_token: token })).status),
  )
  assert.deepEqual(statuses.toSorted(), [200, 400, 400, 400])
  const user = await loggedIn(estate)
  const replayed = await send(second.origin, { logout_token: token })
  assert.equal(replayed.status, 400)
  assert.equal(replayed.headers.get('cache-control'), 'no-store')
  assert.equal(((await replayed.json()) as { code: string }).code, 'INVALID_REQUEST')
  assert.match(String(await user.token()), /^at-ada-/)
})

test('what is no logout token ends nothing', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  const { logoutToken } = estate.idp
  const wrong: Record<string, string>[] = [
    {},
    { logout_token: '' },
    { logout_token: 'x' },
    { logout_token: logoutToken({}) },
    { token: logoutToken({ sub: 'ada' }) },
  ]
  for (const fields of wrong) assert.equal((await send(origin, fields)).status, 400, JSON.stringify(fields))
  for (const order of [
    { sid: 'sid-1', sub: 'grace' },
    { sid: 'sid-9' },
    { sub: 'ada', iss: 'https://other.example' },
  ]) {
    assert.equal((await send(origin, { logout_token: logoutToken(order) })).status, 200, JSON.stringify(order))
  }
  assert.match(String(await user.token()), /^at-ada-/)
})

const refused = async (login: Promise<Response>) => {
  const reply = await login
  return [reply.status, ((await reply.json()) as { code: string }).code]
}

test('a login whose code was exchanged before the logout, and whose session was not written yet, begins none', {
  timeout: 60_000,
}, async (t) => {
  const orders = [{ sid: 'sid-1', sub: 'ada' }, { sid: 'sid-1' }, { sub: 'ada' }]
  for (const order of orders) {
    const estate = await startEstate(t)
    const { idp } = estate
    const first = await estate.replica()
    const second = await estate.replica()
    const held = idp.holdNext('code')
    const user = person(estate.publicUrl)
    const login = user.logIn()
    await held.asked
    assert.equal((await send(second.origin, { logout_token: idp.logoutToken(order) })).status, 200)
    held.letGo()
    assert.deepEqual(await refused(login), [401, 'LOGIN_REFUSED'], JSON.stringify(order))
    assert.deepEqual(await estate.sessions(), [])
    assert.equal(await user.token(first.origin), 401)
    await eventually(
      () => idp.revoked.filter((token) => token.startsWith('rt-')).length,
      (count) => count === 1,
    )
    // Of another session at the provider, or of one after the logout.
    idp.sid = 'sid-2'
    await user.logIn()
    assert.match(String(await user.token()), /^at-ada-/)
  }
})

test('a logout that comes while a session is being written waits for it, and ends it', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  const { database, idp } = estate
  const owner = connect<BffTables>(database.ownerUrl)
  t.after(() => owner.close())
  let login: Promise<unknown> | undefined
  let logout: Promise<Response> | undefined
  const waiting = async () => {
    const { rows } = await sql`
      SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    `.execute(owner.db)
    return rows.length
  }
  await owner.db.transaction().execute(async (transaction) => {
    // The row is written, and its event cannot be.
    await sql`LOCK TABLE audit_events IN SHARE MODE`.execute(transaction)
    login = user.logIn()
    await eventually(waiting, (count) => count === 1)
    logout = send(origin, { logout_token: idp.logoutToken({ sid: 'sid-1', sub: 'ada' }) })
    await eventually(waiting, (count) => count === 2)
  })
  await login
  assert.equal((await logout)?.status, 200)
  assert.deepEqual(await estate.sessions(), [])
  assert.equal(await user.token(), 401)
})

test('a session of the provider that has ended stays ended, whatever still comes of it', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  await send(origin, { logout_token: estate.idp.logoutToken({ sid: 'sid-1', sub: 'ada' }) })
  const user = person(estate.publicUrl)
  assert.deepEqual(await refused(user.logIn()), [401, 'LOGIN_REFUSED'])
  estate.idp.user = 'grace'
  await user.logIn()
  assert.match(String(await user.token()), /^at-grace-/)
})
