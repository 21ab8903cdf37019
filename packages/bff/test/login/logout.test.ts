import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { eventually, loggedIn, person, sessionCookieName, startEstate } from '../sessions/estate.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }

test('a logout needs the token of the page', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  const other = await loggedIn(estate)
  const { body } = await other.session()
  const wrong: Record<string, string>[] = [{}, { 'x-csrf-token': 'x' }, { 'x-csrf-token': body.csrf_token }]
  for (const headers of wrong) {
    const reply = await user.ask(origin, '/auth/logout', { method: 'POST', headers })
    assert.equal(reply.status, 403)
    assert.equal(((await reply.json()) as { code: string }).code, 'CSRF_REFUSED')
  }
  assert.equal((await user.ask(origin, '/auth/logout')).status, 405)
  assert.match(String(await user.token()), /^at-ada-/)
})

test('a logout ends the session here and its refresh token there', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const user = await loggedIn(estate)
  const other = await loggedIn(estate)
  const reply = await user.logOut()
  assert.match(reply.headers.get('set-cookie') ?? '', /^bff_session=; Max-Age=0/)
  await eventually(
    () => estate.idp.revoked.filter((token) => token.startsWith('rt-')).length,
    (count) => count === 1,
  )
  assert.equal(await user.token(), 401)
  assert.match(String(await other.token()), /^at-ada-/)
  const [event] = await estate.events('session.ended')
  assert.deepEqual([event?.actor, event?.reason], ['ada', 'logout'])
})

test('a logout everywhere ends every session of the user at every instance', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const devices = [await loggedIn(estate), await loggedIn(estate), await loggedIn(estate)]
  estate.idp.user = 'grace'
  const other = await loggedIn(estate)
  for (const device of devices) await device.token(second.origin)
  const reply = await devices[0]?.logOut(first.origin, { everywhere: true })
  assert.equal(reply?.status, 200)
  for (const device of devices) assert.equal(await device.token(second.origin), 401)
  assert.match(String(await other.token(second.origin)), /^at-grace-/)
  await eventually(
    () => estate.idp.revoked.filter((token) => token.startsWith('rt-')).length,
    (count) => count === 3,
  )
})

test('a form of a page without scripts is sent on', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const devices = [await loggedIn(estate), await loggedIn(estate)]
  const user = devices[0] ?? assert.fail()
  const { body } = await user.session()
  const fields = new URLSearchParams({ csrf_token: body.csrf_token, everywhere: 'true' })
  const reply = await user.ask(origin, '/auth/logout', { method: 'POST', headers: form, body: fields.toString() })
  assert.equal(reply.status, 303)
  assert.match(reply.headers.get('location') ?? '', /\/end\?id_token_hint=/)
  assert.deepEqual(await estate.sessions(), [])
})

test('a script is not told the ID token that the provider is told', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  const { logout_url: url } = (await (await user.logOut()).json()) as { logout_url: string }
  assert.doesNotMatch(url, /id_token_hint|id-/)
  const { pathname, search } = new URL(url)
  const reached = async (query: string) => {
    const reply = await user.ask(origin, `${pathname}${query}`)
    return [reply.status, reply.headers.get('location')?.replace(/(?<=id_token_hint=id-)[^&]*/, '…')]
  }
  const [status, location] = await reached(search)
  assert.equal(status, 303)
  assert.match(String(location), /\/end\?id_token_hint=id-…&post_logout_redirect_uri=/)
  const home = [303, `${estate.publicUrl}/`]
  for (const to of ['x', 'https://evil.example/', `${search.slice('?to='.length)}x`]) {
    assert.deepEqual(await reached(`?${new URLSearchParams({ to })}`), home)
  }
  assert.equal((await user.ask(origin, pathname)).status, 400)
  estate.ahead = 600_001
  assert.deepEqual(await reached(search), home)
})

test('an ID token that is too large for an address does not stand in the way of a logout', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  estate.idp.idTokenBytes = 7_000
  const user = await loggedIn(estate)
  const reply = await user.logOut()
  assert.equal(reply.status, 200)
  const { pathname, search } = new URL(((await reply.json()) as { logout_url: string }).logout_url)
  const onward = await user.ask(origin, `${pathname}${search}`)
  assert.match(onward.headers.get('location') ?? '', /\/end\?post_logout_redirect_uri=/)
})

test('who is not logged in is logged out already', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  user.setCookie(sessionCookieName, 'x')
  const reply = await user.ask(origin, '/auth/logout', { method: 'POST' })
  assert.equal(reply.status, 200)
  assert.deepEqual(await reply.json(), { logout_url: `${estate.publicUrl}/` })
  assert.match(reply.headers.get('set-cookie') ?? '', /^bff_session=; Max-Age=0/)
})

test('a provider that is down keeps nobody logged in, also when the access token is over', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  const { body } = await user.session()
  await estate.idp.stop()
  estate.ahead = 301_000
  assert.equal(await user.token(), 503)
  const headers = { 'x-csrf-token': body.csrf_token }
  assert.equal((await user.ask(origin, '/auth/logout', { method: 'POST', headers })).status, 200)
  assert.deepEqual(await estate.sessions(), [])
  assert.equal(await user.token(), 401)
})

test('who has moved to another network since logs out all the same', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate, { headers: { 'x-forwarded-for': '192.0.2.1' } })
  const { body } = await user.session()
  const moved = { 'x-forwarded-for': '198.51.100.1' }
  assert.equal((await user.ask(origin, '/auth/session', { headers: moved })).status, 401)
  assert.equal((await user.ask(origin, '/auth/logout', { method: 'POST', headers: moved })).status, 403)
  const headers = { ...moved, 'x-csrf-token': body.csrf_token }
  assert.equal((await user.ask(origin, '/auth/logout', { method: 'POST', headers })).status, 200)
  assert.deepEqual(await estate.sessions(), [])
})

test('a logout everywhere knows no number that is too large', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const user = await loggedIn(estate)
  await sql`
    INSERT INTO sessions (session_id, token_hash, salt_version, sealed_by, binding, ua_hash, ua_version, issuer, sub,
      sealed_tokens, access_expires_at, expires_at)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, decode(md5(n::text), 'hex'), salt_version, sealed_by,
      binding, ua_hash, ua_version, issuer, sub, sealed_tokens, access_expires_at, expires_at
    FROM sessions, generate_series(1, 6000) AS n`.execute(estate.control.db)
  assert.equal((await user.logOut(undefined, { everywhere: true })).status, 200)
  assert.deepEqual(await estate.sessions(), [])
})
