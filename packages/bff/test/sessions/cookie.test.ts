import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activate, markDemoted, retire, revoke, standbyVersion } from '@rekey/keyring'
import type { FastifyRequest } from 'fastify'
import { endSessionsSealedBy } from '../../src/sessions/end.ts'
import { sessionMemory } from '../../src/sessions/memory.ts'
import { openSessions } from '../../src/sessions/open.ts'
import { eventually, loggedIn, person, sessionCookieName, startEstate } from './estate.ts'

type Keyring = Parameters<typeof standbyVersion>[0]
const successor = (keyring: Keyring) => standbyVersion(keyring)?.id ?? ''
const takeOver = (keyring: Keyring) => activate(keyring, successor(keyring), Date.now())
const former = (keyring: Keyring) => keyring.versions.find(({ state }) => state === 'retiring')?.id ?? ''
const letGo = (keyring: Keyring) =>
  retire(markDemoted(keyring, former(keyring), Date.now()), former(keyring), Date.now())

test('a cookie that is of no use is refused and counted, and cleared unless another may have taken its place', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { bff, origin, counted } = await estate.replica()
  const user = await loggedIn(estate)
  const good = user.cookies().get(sessionCookieName) ?? ''
  const [version = '', iv, body = ''] = good.split('.')
  const changed = body.startsWith('A') ? `B${body.slice(1)}` : `A${body.slice(1)}`
  const wrong: [string, string][] = [
    ['x', 'malformed'],
    ['"; DROP TABLE sessions', 'malformed'],
    ['a'.repeat(5_000), 'malformed'],
    [[version, iv, changed].join('.'), 'tampered'],
    [['another-version', iv, body].join('.'), 'unknown'],
    [bff.keyrings.sealing('state').seal('session', 'of another keyring'), 'unknown'],
    [bff.keyrings.sealing('session').seal('login', 'for another purpose'), 'tampered'],
    [bff.keyrings.sealing('session').seal('session', 'not a token'), 'malformed'],
    [bff.keyrings.sealing('session').seal('session', Buffer.alloc(48)), 'ended'],
  ]
  for (const [text, cause] of wrong) {
    const before = await counted('sessionRefusals', cause)
    const reply = await fetch(`${origin}/api/token`, { headers: { cookie: `${sessionCookieName}=${text}` } })
    assert.equal(reply.status, 401, text.slice(0, 60))
    assert.equal(((await reply.json()) as { detail: string }).detail, 'Not authenticated')
    const cleared =
      cause === 'ended' || cause === 'unknown' ? [] : ['bff_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax']
    assert.deepEqual(reply.headers.getSetCookie(), cleared)
    assert.equal(await counted('sessionRefusals', cause), before + 1, text.slice(0, 60))
  }
  assert.match(String(await user.token()), /^at-ada-/)
})

test('the right row with another token is refused', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { bff, origin, counted } = await estate.replica()
  const user = await loggedIn(estate)
  const keyring = bff.keyrings.sealing('session')
  const opened = keyring.open('session', user.cookies().get(sessionCookieName) ?? '')
  assert.ok(opened.ok)
  const forged = Buffer.from(opened.plain)
  forged.writeUInt8(forged.readUInt8(40) ^ 1, 40)
  const cookie = `${sessionCookieName}=${keyring.seal('session', forged)}`
  assert.equal((await fetch(`${origin}/api/token`, { headers: { cookie } })).status, 401)
  assert.equal(await counted('sessionRefusals', 'forged'), 1)
})

test('the database holds neither the cookie nor its token, nor a token of the provider', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { bff } = await estate.replica()
  const user = await loggedIn(estate)
  const cookie = user.cookies().get(sessionCookieName) ?? ''
  const opened = bff.keyrings.sealing('session').open('session', cookie)
  assert.ok(opened.ok)
  const [row] = await estate.sessions()
  const stored = JSON.stringify(row, (_name, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value,
  )
  const token = opened.plain.subarray(16)
  for (const secret of [cookie, token.toString('hex'), token.toString('base64url'), 'at-ada', 'rt-', '127.0.0.0']) {
    assert.ok(!stored.includes(secret), secret)
  }
})

test('after a rotation the cookie is replaced, and the row follows when the newer one is presented', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  const old = user.cookies().get(sessionCookieName) ?? ''
  const [before] = await estate.sessions()
  await estate.change('session', takeOver)

  const lost = await fetch(`${replicas[1]?.origin}/api/token`, { headers: { cookie: `${sessionCookieName}=${old}` } })
  assert.equal(lost.status, 200)
  assert.match(lost.headers.get('set-cookie') ?? '', /^bff_session=[^;]{50,}; Max-Age=/)
  await replicas[1]?.sessions.close()
  // That reply never arrived: the browser has the old one, and the row says so.
  assert.equal((await estate.sessions())[0]?.sealed_by, before?.sealed_by)
  assert.match(String(await user.token()), /^at-ada-/)
  const newer = user.cookies().get(sessionCookieName) ?? ''
  assert.notEqual(newer.split('.')[0], old.split('.')[0])
  assert.equal((await estate.sessions())[0]?.sealed_by, before?.sealed_by)

  const again = await user.ask(replicas[0]?.origin ?? '', '/api/token')
  assert.equal(again.status, 200)
  assert.deepEqual(again.headers.getSetCookie(), [])
  await replicas[0]?.sessions.close()
  assert.equal((await estate.sessions())[0]?.sealed_by, newer.split('.')[0])
  // A request that was under way with the old cookie moves nothing back.
  const late = await fetch(`${replicas[0]?.origin}/api/token`, { headers: { cookie: `${sessionCookieName}=${old}` } })
  assert.equal(late.status, 200)
  await replicas[0]?.sessions.close()
  assert.equal((await estate.sessions())[0]?.sealed_by, newer.split('.')[0])

  await estate.change('session', letGo)
  for (const { origin } of replicas) assert.match(String(await user.token(origin)), /^at-ada-/)
  const retired = await fetch(`${replicas[0]?.origin}/api/token`, {
    headers: { cookie: `${sessionCookieName}=${old}` },
  })
  assert.equal(retired.status, 401)
  assert.deepEqual(retired.headers.getSetCookie(), [])
})

test('who logs in anew stays logged in when a request arrives late that was sent before', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  const before = user.cookies().get(sessionCookieName)
  await user.logIn()
  const late = await user.ask(origin, '/api/token', { headers: { cookie: `${sessionCookieName}=${before}` } })
  assert.equal(late.status, 401)
  assert.equal((await user.session()).status, 200)
})

test('revoking a version ends the sessions sealed by it, and no others', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { bff, view, connection } = await estate.replica()
  const early = await loggedIn(estate)
  await estate.change('session', takeOver)
  const later = await loggedIn(estate)
  const [row] = await estate.sessions()
  const version = row?.sealed_by ?? ''
  await estate.change('session', (keyring) => revoke(keyring, version, { reason: 'stolen' }, Date.now()))
  // Before anything was swept.
  assert.equal(await early.token(), 401)
  assert.match(String(await later.token()), /^at-ada-/)
  assert.equal(await endSessionsSealedBy({ connection, view }, [version], 'ops'), 1)
  assert.deepEqual(
    (await estate.sessions()).map(({ sealed_by: by }) => by),
    [bff.keyrings.sealing('session').activeId],
  )
})

test('a new salt is taken over by sessions that are used, at every instance, and loses nobody', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const replicas = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  for (const { origin } of replicas) await user.token(origin)
  const [before] = await estate.sessions()
  await estate.change('token-hash', takeOver)
  assert.match(String(await user.token(replicas[0]?.origin)), /^at-ada-/)
  await replicas[0]?.sessions.close()
  const [after] = await estate.sessions()
  assert.notEqual(after?.salt_version, before?.salt_version)
  assert.notDeepEqual(after?.token_hash, before?.token_hash)
  await estate.change('token-hash', letGo)
  // The second one still holds what it read before.
  for (const { origin } of replicas.toReversed()) assert.match(String(await user.token(origin)), /^at-ada-/)
})

test('a new salt for user agents changes analytics and nothing else', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const user = await loggedIn(estate)
  await estate.change('ua-hash', takeOver)
  await estate.change('ua-hash', letGo)
  assert.match(String(await user.token()), /^at-ada-/)
  await loggedIn(estate)
  const [first, second] = await estate.sessions()
  assert.notEqual(first?.ua_version, second?.ua_version)
  assert.notDeepEqual(first?.ua_hash, second?.ua_hash)
})

test('a session is refused in another browser or network, counted, and not ended', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin, counted, sessions } = await estate.replica()
  const headers = { 'user-agent': 'Browser/1.0', 'x-forwarded-for': '192.0.2.17' }
  const user = await loggedIn(estate, { headers })
  const as = async (changed: Record<string, string>) => {
    const reply = await user.ask(origin, '/api/token', { headers: { ...headers, ...changed } })
    assert.deepEqual(reply.headers.getSetCookie(), [])
    return reply.status
  }
  assert.equal(await as({ 'x-forwarded-for': '192.0.2.200' }), 200)
  assert.equal(await as({ 'x-forwarded-for': '192.0.3.17' }), 401)
  assert.equal(await as({ 'x-forwarded-for': '2001:db8::1' }), 401)
  assert.equal(await counted('bindingFailures', 'network'), 2)
  assert.equal(await as({ 'user-agent': 'Browser/1.1' }), 401)
  assert.equal(await counted('bindingFailures', 'user-agent'), 1)
  assert.equal(await as({}), 200)
  // The binding moves with the cookie to a newer version.
  await estate.change('session', takeOver)
  await user.token()
  await user.token()
  await sessions.close()
  await estate.change('session', letGo)
  assert.equal(await as({}), 200)
  assert.equal(await as({ 'user-agent': 'Browser/1.1' }), 401)
})

test('a session is bound to what the operator wants', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica({ binding: ['user-agent'] })
  const free = await estate.replica({ binding: [] })
  const user = await loggedIn(estate, { headers: { 'user-agent': 'Browser/1.0', 'x-forwarded-for': '192.0.2.17' } })
  const ask = async (at: string, headers: Record<string, string>) =>
    (await user.ask(at, '/api/token', { headers })).status
  assert.equal(await ask(origin, { 'x-forwarded-for': '198.51.100.1' }), 200)
  assert.equal(await ask(origin, { 'user-agent': 'Browser/1.1' }), 401)
  assert.equal(await ask(free.origin, { 'x-forwarded-for': '198.51.100.1', 'user-agent': 'Browser/1.1' }), 200)
})

test('an instance without a lease knows nobody', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  assert.match(String(await user.token(second.origin)), /^at-ada-/)
  await second.view.close()
  const reply = await user.ask(second.origin, '/api/token')
  assert.equal(reply.status, 503)
  assert.equal(((await reply.json()) as { code: string }).code, 'NO_LEASE')
  assert.deepEqual(reply.headers.getSetCookie(), [])
})

test('who has no cookie is told nothing but that he is not logged in', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const { status, body } = await person(estate.publicUrl).session()
  assert.equal(status, 401)
  assert.deepEqual([body.detail, body.code], ['Not authenticated', 'NOT_AUTHENTICATED'])
})

test('what a session began goes on when the cookie drains that it began with, and ends with the session', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const [first, second] = [await estate.replica(), await estate.replica()]
  const user = await loggedIn(estate)
  const old = user.cookies().get(sessionCookieName) ?? ''
  const [row] = await estate.sessions()
  const session = { id: row?.session_id ?? '' }
  const remain = () => Promise.all([first, second].map(({ sessions }) => sessions.remains(session)))
  assert.deepEqual(await remain(), [true, true])

  for (const name of ['session', 'token-hash'] as const) await estate.change(name, takeOver)
  const used = async () => {
    assert.match(String(await user.token(first.origin)), /^at-ada-/)
    return (await estate.sessions())[0]
  }
  await eventually(used, (now) => now?.sealed_by !== row?.sealed_by && now?.salt_version !== row?.salt_version)
  for (const name of ['session', 'token-hash'] as const) await estate.change(name, letGo)
  const byOld = await fetch(`${second.origin}/api/token`, { headers: { cookie: `${sessionCookieName}=${old}` } })
  assert.equal(byOld.status, 401)
  assert.deepEqual(await remain(), [true, true])

  assert.equal((await user.logOut(first.origin)).status, 200)
  assert.deepEqual(await remain(), [false, false])
})

test('what a session began ends where the salt of the session is revoked', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { sessions } = await estate.replica()
  await loggedIn(estate)
  const [row] = await estate.sessions()
  await estate.change('token-hash', takeOver)
  await estate.change('token-hash', (keyring) => revoke(keyring, former(keyring), { reason: 'leaked' }, Date.now()))
  assert.equal(await sessions.remains({ id: row?.session_id ?? '' }), false)
})

test('a move to a newer salt that waited for longer than the drain counts on does nothing any more', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { bff } = await estate.replica()
  const agent = { 'user-agent': 'a browser' }
  const user = await loggedIn(estate, { headers: agent })
  const [before] = await estate.sessions()
  await estate.change('token-hash', takeOver)
  const cookie = `${sessionCookieName}=${user.cookies().get(sessionCookieName)}`
  /** Chosen so long before PostgreSQL carries it out. */
  async function movesAfter(ms: number): Promise<boolean> {
    const memory = sessionMemory(bff.connection.db, bff.sealer, () => undefined)
    const view = { id: bff.view.id, everywhere: async () => undefined, databaseNow: () => bff.view.databaseNow() - ms }
    const sessions = openSessions({ ...bff, memory, view })
    const request = { headers: { ...agent, cookie }, ip: '127.0.0.1' } as unknown as FastifyRequest
    assert.equal((await sessions.present(request))?.sub, 'ada')
    await sessions.close()
    return (await estate.sessions())[0]?.salt_version !== before?.salt_version
  }
  assert.equal(await movesAfter(6_000), false)
  assert.equal(await movesAfter(0), true)
})
