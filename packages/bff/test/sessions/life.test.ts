import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedIn, startEstate } from './estate.ts'

test('who logged in is known to every instance until he logs out at one of them', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  for (const { origin } of [first, second]) {
    const { status, body } = await user.session(origin)
    assert.equal(status, 200)
    assert.equal(body.authenticated, true)
    assert.deepEqual(body.user, { sub: 'ada', name: 'Ada Lovelace', roles: ['editor', 'über,all'] })
    assert.ok(Date.parse(body.expires_at) > Date.now())
    assert.match(String(await user.token(origin)), /^at-ada-/)
  }
  const cookie = user.cookies()
  const reply = await user.logOut(first.origin)
  assert.equal(reply.status, 200)
  assert.match(((await reply.json()) as { logout_url: string }).logout_url, /\/auth\/logged-out\?to=/)
  assert.deepEqual(await estate.sessions(), [])
  for (const [name, value] of cookie) user.setCookie(name, value)
  assert.equal(await user.token(second.origin), 401)
})
