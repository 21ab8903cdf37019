import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { endSessions, type Selection, sessionsBy } from '../../src/sessions/end.ts'
import { pruneLogoutTokens, pruneSessions } from '../../src/sessions/prune.ts'
import { loggedIn, startEstate } from './estate.ts'

test('an operator ends sessions by what they have in common, at every instance, and the audit says so', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const { idp } = estate
  const cases: [string, (row: { created_at: number; sealed_by: string }) => Selection][] = [
    ['everything', () => ({ all: true })],
    ['a user', () => ({ sub: 'mallory' })],
    ['a user of this issuer', () => ({ sub: 'mallory', issuer: idp.issuer })],
    ['a session of the provider', () => ({ sid: 'sid-m' })],
    ['what began before a moment', ({ created_at: at }) => ({ issuedBefore: at + 1 })],
    ['a version of the keyring', ({ sealed_by: version }) => ({ sealedBy: [version] })],
  ]
  for (const [name, selection] of cases) {
    Object.assign(idp, { user: 'mallory', sid: 'sid-m' })
    const user = await loggedIn(estate)
    for (const { origin } of [first, second]) assert.match(String(await user.token(origin)), /^at-mallory-/)
    const [row] = await estate.sessions()
    const wanted = selection(row ?? assert.fail())
    assert.equal(await endSessions(first.bff, wanted, 'ops'), 1, name)
    for (const { origin } of [second, first]) assert.equal(await user.token(origin), 401, name)
    const event = (await estate.events('session.ended')).at(-1)
    assert.deepEqual([event?.actor, event?.reason, event?.count, event?.sub], ['ops', 'operator', 1, 'mallory'])
  }
  assert.equal((await estate.events('session.ended')).length, cases.length)
})

test('nobody else is ended', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { bff } = await estate.replica()
  const user = await loggedIn(estate)
  const [row] = await estate.sessions()
  const selections: Selection[] = [
    { sub: 'grace' },
    { sub: 'ada', issuer: 'https://another.example' },
    { sid: 'another' },
    { sid: 'sid-1', sub: 'grace' },
    { issuedBefore: row?.created_at ?? 0 },
    { sealedBy: ['another'] },
    { sealedBy: [] },
    { session: row?.session_id ?? '', revision: 2 },
  ]
  for (const selection of selections)
    assert.equal(await endSessions(bff, selection, 'ops'), 0, JSON.stringify(selection))
  assert.match(String(await user.token()), /^at-ada-/)
  assert.deepEqual(await estate.events('session.ended'), [])
})

test('thousands are ended by few transactions', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  await user.token(second.origin)
  await sql`
    INSERT INTO sessions (session_id, token_hash, salt_version, sealed_by, binding, ua_hash, ua_version, issuer, sub,
      sealed_tokens, access_expires_at, expires_at)
    SELECT gen_random_uuid(), decode(md5(n::text), 'hex'), 'salt', 'other', '', '', '', issuer, 'sub-' || n, sealed_tokens,
      access_expires_at, expires_at FROM sessions, generate_series(1, 6000) AS n`.execute(estate.control.db)
  const counts = await sessionsBy(estate.control.db, 'sealed_by')
  assert.equal(counts.get('other')?.count, 6_000)
  assert.ok((counts.get('other')?.until ?? 0) > Date.now())
  assert.equal((await sessionsBy(estate.control.db, 'salt_version')).get('salt')?.count, 6_000)
  assert.equal(await endSessions(first.bff, { all: true }, 'ops', 'incident'), 6_001)
  assert.equal(await user.token(second.origin), 401)
  const counted = (await estate.events('session.ended')).map(({ count }) => Number(count))
  assert.deepEqual(
    counted.toSorted((a, b) => a - b),
    [1_001, 5_000],
  )
})

test('what is over is deleted, with what was seen of its use', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { sessions } = await estate.replica()
  const { db } = estate.control
  const user = await loggedIn(estate)
  for (let n = 0; n < 3; n++) await user.token()
  await sessions.close()
  const [use] = await db.selectFrom('session_uses').selectAll().execute()
  assert.equal(use?.count, 3)
  await sql`INSERT INTO used_logout_tokens VALUES ('\x01', now() - interval '2 days'), ('\x02', now())`.execute(db)
  await pruneSessions(db)
  await pruneLogoutTokens(db)
  assert.equal((await estate.sessions()).length, 1)
  assert.equal((await db.selectFrom('used_logout_tokens').selectAll().execute()).length, 1)
  await sql`UPDATE sessions SET expires_at = now() - interval '1 second'`.execute(db)
  await pruneSessions(db)
  assert.deepEqual(await estate.sessions(), [])
  assert.deepEqual(await db.selectFrom('session_uses').selectAll().execute(), [])
})

test('a session ends when its time is over, however it is used', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  await sql`UPDATE sessions SET expires_at = now() + interval '1 second'`.execute(estate.control.db)
  let reply = await user.ask(origin, '/api/token')
  while (reply.status === 200) reply = await user.ask(origin, '/api/token')
  assert.equal(reply.status, 401)
  assert.deepEqual(reply.headers.getSetCookie(), [])
})
