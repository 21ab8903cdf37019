import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { LiveSession } from '../../src/sessions/session.ts'
import { loggedIn, startEstate } from './estate.ts'

/** A user, and his session as a service refused it. */
async function refusedOf(t: TestContext) {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()] as const
  const user = await loggedIn(estate)
  async function refused(): Promise<LiveSession> {
    const [row] = await estate.sessions()
    const { session_id: id = '', sub = '', issuer: iss = '', expires_at: expiresAt = 0 } = row ?? {}
    return { id, sub, claims: { iss, sub }, accessToken: String(await user.token()), expiresAt }
  }
  return { estate, replicas, user, refused }
}

test('a session whose access token a service refused gets another one, the same for whoever asks', {
  timeout: 60_000,
}, async (t) => {
  const { estate, replicas, user, refused } = await refusedOf(t)
  const session = await refused()
  estate.ahead = 11_000
  const others = await Promise.all([...replicas, ...replicas].map(({ sessions }) => sessions.another(session)))
  const tokens = new Set(others.map((other) => other?.accessToken))
  assert.equal(tokens.size, 1)
  assert.ok(!tokens.has(session.accessToken))
  assert.equal(estate.idp.refreshes, 1)
  for (const { origin } of replicas) assert.ok(tokens.has(String(await user.token(origin))))
})

test('a service that refuses every token has none refreshed that is young', { timeout: 60_000 }, async (t) => {
  const { estate, replicas, refused } = await refusedOf(t)
  const [{ sessions }] = replicas
  assert.equal(await sessions.another(await refused()), undefined)
  estate.ahead = 11_000
  await sessions.another(await refused())
  assert.equal(await sessions.another(await refused()), undefined)
  assert.equal(estate.idp.refreshes, 1)
})

test('a refused access token ends no session while the provider is away, and does when that refuses too', {
  timeout: 60_000,
}, async (t) => {
  const { estate, replicas, user, refused } = await refusedOf(t)
  const [{ sessions, origin }] = replicas
  const session = await refused()
  estate.ahead = 11_000
  await estate.idp.stop()
  await assert.rejects(sessions.another(session), { code: 'IDP_UNAVAILABLE' })
  assert.equal(await user.token(origin), session.accessToken)
  await estate.idp.start()
  estate.idp.forgetRefreshTokens()
  // A second of rest comes after a try that failed.
  await estate.control.db.updateTable('sessions').set({ refreshing_until: null }).execute()
  assert.equal(await sessions.another(session), undefined)
  assert.equal(await user.token(origin), 401)
})
