import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '@rekey/database'
import { activate, markDemoted, retire, revoke, standbyVersion } from '@rekey/keyring'
import { ServiceError } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { sessionMemory } from '../../src/sessions/memory.ts'
import { openSessions } from '../../src/sessions/open.ts'
import { eventually, loggedIn, person, sessionCookieName, startEstate } from '../sessions/estate.ts'

type Keyring = Parameters<typeof standbyVersion>[0]
const takeOver = (keyring: Keyring) => activate(keyring, standbyVersion(keyring)?.id ?? '', Date.now())
const former = (keyring: Keyring) => keyring.versions.find(({ state }) => state === 'retiring')?.id ?? ''

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

const codeOf = async (reply: Response) => ((await reply.json()) as { code: string }).code

/** From the provider back to where it sends the browser. */
async function throughProvider(toProvider: Response): Promise<string> {
  const back = await fetch(toProvider.headers.get('location') ?? '', { redirect: 'manual' })
  const { pathname, search } = new URL(back.headers.get('location') ?? '')
  return pathname + search
}

test('a login ends where it was begun for, with a cookie that no script and no other site gets', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const user = person(estate.publicUrl)
  const reply = await user.logIn(undefined, undefined, '/auth/login?return_to=/orders/7?sort=date%26up=1%23end')
  assert.equal(reply.status, 302)
  assert.equal(reply.headers.get('location'), '/orders/7?sort=date&up=1#end')
  assert.equal(reply.headers.get('cache-control'), 'no-store')
  const [session, state] = reply.headers.getSetCookie()
  assert.match(session ?? '', /^bff_session=[\w.-]{80,}; Max-Age=28\d\d\d; Path=\/; HttpOnly; SameSite=Lax$/)
  assert.match(state ?? '', /^bff_login_[\w-]{16}=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/)
  assert.deepEqual([...user.cookies().keys()], [sessionCookieName])
  const [event] = await estate.events('session.begun')
  assert.equal(event?.actor, 'ada')
})

test('a login may begin at one instance and end at another, through a rotation', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = person(estate.publicUrl)
  const toProvider = await user.ask(first.origin, '/auth/login')
  await estate.change('state', takeOver)
  const reply = await user.ask(second.origin, await throughProvider(toProvider))
  assert.equal(reply.status, 302)
  assert.equal(reply.headers.get('location'), '/')
  assert.match(String(await user.token(first.origin)), /^at-ada-/)
})

test('nobody is led to another place after a login', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const queries = ['//evil.example', '/\\evil.example', 'https://evil.example', '/%2fevil.example', '/auth/login', '']
  for (const text of queries) {
    const reply = await fetch(`${origin}/auth/login?${new URLSearchParams({ return_to: text })}`, {
      redirect: 'manual',
    })
    assert.equal(reply.status, 400, text)
    assert.equal(await codeOf(reply), 'INVALID_REQUEST')
    assert.deepEqual(reply.headers.getSetCookie(), [])
  }
  const twice = await fetch(`${origin}/auth/login?return_to=/a&return_to=/b`, { redirect: 'manual' })
  assert.equal(twice.status, 400)
})

test('a session that a browser bears before the login is never the one that it has after it', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  // The attacker's own session, planted in the browser of somebody else.
  const attacker = await loggedIn(estate)
  const planted = attacker.cookies().get(sessionCookieName) ?? ''
  const victim = person(estate.publicUrl)
  victim.setCookie(sessionCookieName, planted)
  estate.idp.user = 'grace'
  await victim.logIn()
  assert.notEqual(victim.cookies().get(sessionCookieName), planted)
  assert.equal((await victim.session()).body.user.sub, 'grace')
  assert.equal(await attacker.token(), 401)
  assert.deepEqual(
    (await estate.sessions()).map(({ sub }) => sub),
    ['grace'],
  )
  const [event] = await estate.events('session.ended')
  assert.deepEqual([event?.sub, event?.reason], ['ada', 'replaced by a new login'])
})

test('who has moved to another network and logs in anew leaves no session behind', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  const headers = { 'x-forwarded-for': '192.0.2.1' }
  const user = await loggedIn(estate, { headers })
  headers['x-forwarded-for'] = '198.51.100.1'
  assert.equal(await user.token(), 401)
  await user.logIn()
  assert.match(String(await user.token()), /^at-ada-/)
  assert.equal((await estate.sessions()).length, 1)
})

test('tokens that become no session are given back, whatever was in the way', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { bff } = await estate.replica()
  const requireLease = () => {
    throw new ServiceError('NO_LEASE', 'it ran out while the code was exchanged')
  }
  const memory = sessionMemory(bff.connection.db, bff.sealer, () => undefined)
  const sessions = openSessions({ ...bff, memory, requireLease })
  t.after(() => sessions.close())
  const tokens = { accessToken: 'at', refreshToken: 'rt-of-nobody', accessExpiresAt: Date.now() + 60_000 }
  await assert.rejects(sessions.begin({} as FastifyRequest, tokens, Date.now()), { code: 'NO_LEASE' })
  await eventually(
    () => estate.idp.revoked,
    (revoked) => revoked.includes('rt-of-nobody'),
  )
})

test('a login that cannot end what the browser bore before leaves no session of its own', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = await loggedIn(estate)
  estate.idp.user = 'grace'
  const callback = await throughProvider(await user.ask(origin, '/auth/login'))
  const owner = connect(estate.database.ownerUrl)
  t.after(() => owner.close())
  await sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$`.execute(
    owner.db,
  )
  await sql`CREATE TRIGGER refused BEFORE DELETE ON sessions FOR EACH ROW WHEN (OLD.sub = 'ada')
    EXECUTE FUNCTION refuse()`.execute(owner.db)
  assert.equal((await user.ask(origin, callback)).status, 500)
  await eventually(estate.sessions, (rows) => rows.length === 1 && rows[0]?.sub === 'ada')
  assert.match(String(await user.token()), /^at-ada-/)
})

test('what a browser bears that is no session is not adopted either', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { bff } = await estate.replica()
  const fixed = bff.keyrings.sealing('session').seal('session', Buffer.alloc(48, 7))
  const user = person(estate.publicUrl)
  user.setCookie(sessionCookieName, fixed)
  await user.logIn()
  assert.notEqual(user.cookies().get(sessionCookieName), fixed)
  assert.equal((await estate.sessions())[0]?.session_id.startsWith('07070707'), false)
})

test('logins in several tabs do not disturb each other, and the oldest of too many makes room', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  const tabs: Response[] = []
  for (let n = 0; n < 9; n++) {
    tabs.push(await user.ask(origin, `/auth/login?return_to=/tab/${n}`))
    estate.ahead += 1_000
  }
  assert.equal(user.cookies().size, 8)
  const [first, second, ...others] = await Promise.all(tabs.map(throughProvider))
  const gone = await user.ask(origin, first ?? '')
  assert.equal(gone.status, 401)
  assert.equal(await codeOf(gone), 'LOGIN_REFUSED')
  for (const [n, callback] of [...others, second ?? ''].entries()) {
    const reply = await user.ask(origin, callback)
    assert.equal(reply.headers.get('location'), `/tab/${n === 7 ? 1 : n + 2}`)
  }
  assert.deepEqual([...user.cookies().keys()], [sessionCookieName])
  assert.equal((await estate.sessions()).length, 1)
})

test('logins with long addresses leave room for the rest of a request', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  let newest = new Response()
  for (let n = 0; n < 9; n++) {
    newest = await user.ask(origin, `/auth/login?return_to=/${'a'.repeat(2_000)}`)
    assert.equal(newest.status, 302)
    estate.ahead += 1_000
  }
  assert.ok([...user.cookies().values()].join('').length < 12_000)
  assert.equal((await user.ask(origin, await throughProvider(newest))).status, 302)
})

test('a callback that belongs to no login of this browser begins no session', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin, bff } = await estate.replica()
  const user = person(estate.publicUrl)
  const other = person(estate.publicUrl)
  const refusals: [string, () => Promise<string>][] = [
    ['begun in another browser', async () => throughProvider(await other.ask(origin, '/auth/login'))],
    ['made up', async () => '/auth/callback?code=x&state=made-up'],
    [
      'with the state of another login',
      async () => {
        const callback = new URL(await throughProvider(await user.ask(origin, '/auth/login')), origin)
        callback.searchParams.set('state', 'another')
        return callback.pathname + callback.search
      },
    ],
    [
      'by a cookie that another keyring sealed',
      async () => {
        const callback = await throughProvider(await user.ask(origin, '/auth/login'))
        for (const [name] of user.cookies()) user.setCookie(name, bff.keyrings.sealing('csrf').seal('login', '{}'))
        return callback
      },
    ],
    [
      'by a cookie of another login',
      async () => {
        const one = person(estate.publicUrl)
        const callback = await throughProvider(await one.ask(origin, '/auth/login'))
        const two = person(estate.publicUrl)
        await two.ask(origin, '/auth/login')
        const [name = ''] = one.cookies().keys()
        const [value = ''] = two.cookies().values()
        user.setCookie(name, value)
        return callback
      },
    ],
    [
      'after too long',
      async () => {
        const callback = await throughProvider(await user.ask(origin, '/auth/login'))
        estate.ahead += 601_000
        return callback
      },
    ],
    [
      'refused by the user',
      async () => {
        estate.idp.error = 'access_denied'
        const callback = await throughProvider(await user.ask(origin, '/auth/login'))
        estate.idp.error = undefined
        return callback
      },
    ],
    [
      'by a version that was revoked',
      async () => {
        const callback = await throughProvider(await user.ask(origin, '/auth/login'))
        await estate.change('state', takeOver)
        await estate.change('state', (keyring) => revoke(keyring, former(keyring), { reason: 'stolen' }, Date.now()))
        return callback
      },
    ],
  ]
  for (const [name, begin] of refusals) {
    const reply = await user.ask(origin, await begin())
    assert.equal(reply.status, 401, name)
    assert.equal(await codeOf(reply), 'LOGIN_REFUSED', name)
    assert.equal(user.cookies().has(sessionCookieName), false, name)
  }
  assert.deepEqual(await estate.sessions(), [])
  assert.equal((await user.ask(origin, '/auth/callback')).status, 400)
})

test('a callback is good once', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  const toProvider = await user.ask(origin, '/auth/login')
  const cookies = user.cookies()
  const callback = await throughProvider(toProvider)
  assert.equal((await fetch(`${origin}${callback}`, { method: 'HEAD' })).status, 405)
  assert.equal((await user.ask(origin, callback)).status, 302)
  // Somebody else has the cookie and the address of the callback.
  const thief = person(estate.publicUrl)
  for (const [name, value] of cookies) thief.setCookie(name, value)
  assert.equal((await thief.ask(origin, callback)).status, 401)
  assert.equal((await estate.sessions()).length, 1)
})

test('a person is told in words, a program by a code', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const refused = await fetch(`${origin}/auth/callback?code=x&state=made-up`, { headers: html })
  assert.equal(refused.status, 401)
  assert.match(refused.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(refused.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  const page = await refused.text()
  assert.match(page, /<h1>You are not logged in<\/h1>/)
  assert.match(page, /<a href="\/auth\/login">/)
  assert.match(page, /LOGIN_REFUSED/)
  const wrong = await fetch(`${origin}/auth/login?return_to=//evil.example`, { headers: html, redirect: 'manual' })
  assert.equal(wrong.status, 400)
  const said = await wrong.text()
  assert.match(said, /<h1>This link does not work<\/h1>/)
  assert.ok(!said.includes('evil.example'))
})

test('while the provider is down nobody can log in, and whoever was about to may go on afterwards', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  const callback = await throughProvider(await user.ask(origin, '/auth/login?return_to=/orders'))
  await estate.idp.stop()
  const begun = await user.ask(origin, '/auth/login')
  assert.equal(begun.status, 503)
  assert.equal(await codeOf(begun), 'IDP_UNAVAILABLE')
  assert.deepEqual(begun.headers.getSetCookie(), [])
  const back = await user.ask(origin, callback, { headers: html })
  assert.equal(back.status, 503)
  assert.ok(Number(back.headers.get('retry-after')) > 0)
  assert.match(await back.text(), /Try again in a moment/)
  assert.deepEqual(back.headers.getSetCookie(), [])
  await estate.idp.start()
  const again = await user.ask(origin, callback)
  assert.equal(again.status, 302)
  assert.equal(again.headers.get('location'), '/orders')
})

test('an instance without a lease uses no code up', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = person(estate.publicUrl)
  const callback = await throughProvider(await user.ask(first.origin, '/auth/login'))
  await second.view.close()
  assert.equal((await user.ask(second.origin, callback)).status, 503)
  assert.equal((await user.ask(first.origin, callback)).status, 302)
})

test('a state that drained is refused', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  const user = person(estate.publicUrl)
  const callback = await throughProvider(await user.ask(origin, '/auth/login'))
  await estate.change('state', takeOver)
  await estate.change('state', (keyring) =>
    retire(markDemoted(keyring, former(keyring), Date.now()), former(keyring), Date.now()),
  )
  assert.equal(await codeOf(await user.ask(origin, callback)), 'LOGIN_REFUSED')
})

test('who the provider does not name is not logged in', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate(t)
  const { origin } = await estate.replica()
  for (const sub of ['', 'a\u0000b', 'a'.repeat(256)]) {
    estate.idp.user = sub
    const user = person(estate.publicUrl)
    assert.equal((await user.ask(origin, await throughProvider(await user.ask(origin, '/auth/login')))).status, 401)
  }
  assert.deepEqual(await estate.sessions(), [])
})
