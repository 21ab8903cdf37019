import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activate, standbyVersion } from '@rekey/keyring'
import { loggedIn, person, startEstate } from '../sessions/estate.ts'

test('a reverse proxy is told who calls, and never a token', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  estate.idp.user = 'ada%lövelace'
  const user = await loggedIn(estate)
  const reply = await user.ask(origin, '/auth/verify')
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('x-auth-subject'), 'ada%25l%C3%B6velace')
  assert.equal(reply.headers.get('x-auth-session'), (await estate.sessions())[0]?.session_id)
  assert.equal(reply.headers.get('x-auth-roles'), 'editor,%C3%BCber%2Call')
  assert.equal(reply.headers.get('cache-control'), 'no-store')
  assert.equal(await reply.text(), '')
  assert.ok(!JSON.stringify([...reply.headers]).includes('at-ada'))
})

test('who has no session is refused', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const reply = await person(estate.publicUrl).ask(origin, '/auth/verify')
  assert.equal(reply.status, 401)
  assert.equal(reply.headers.get('x-auth-subject'), null)
})

test('the session is refreshed as in a call, and its cookie replaced', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  estate.ahead = 301_000
  await estate.change('session', (keyring) => activate(keyring, standbyVersion(keyring)?.id ?? '', Date.now()))
  const reply = await user.ask(origin, '/auth/verify')
  assert.equal(reply.status, 200)
  assert.equal(estate.idp.refreshes, 1)
  assert.match(reply.headers.get('set-cookie') ?? '', /^bff_session=[\w.-]{80,}; Max-Age=28\d\d\d/)
})
