import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@rekey/database'
import { Browser, type Page } from './browser.ts'
import { SecretEstate } from './estate.ts'

const keyringsOfIdp = ['signing-es256', 'signing-rs256']
/** Those of the BFF whose secrets the store makes. */
const keyringsOfBff = ['state', 'ua-hash', 'bff-client']

// One estate, lived through with every line logged: what each test does, the last ones look for in all that was written down.
describe('secrets of an estate', { timeout: 300_000 }, () => {
  let estate: SecretEstate
  let bff: string
  let idp: string
  const browser = new Browser()
  /** What anybody was told by an error. */
  const refusals: string[] = []

  before(async () => {
    estate = await SecretEstate.start('trace')
    ;({ idp, bff = '' } = estate.place.estate)
    await estate.learn()
  })
  after(() => estate?.stop())

  async function logIn(who = browser): Promise<Page> {
    const { username = '', password = '' } = estate.place.estate.user ?? {}
    let page = await who.go(`${bff}/auth/login?return_to=/`)
    if (page.url.origin === new URL(bff).origin) return page
    const wrong = `wrong-${randomBytes(16).toString('hex')}`
    estate.known.add('a wrong password', wrong)
    page = await who.submit(page, '/login', { username, password: wrong })
    return who.submit(page, '/login', { username, password })
  }

  /** Asks, keeps what is refused, and knows the credential from then on. */
  async function ask(url: string, init: RequestInit = {}, secrets: string[] = []): Promise<number> {
    estate.known.add('a credential that is none', ...secrets)
    const response = await fetch(url, init)
    const text = await response.text()
    if (!response.ok) refusals.push(`${[...response.headers].join('\n')}\n${text}`)
    return response.status
  }

  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
  const adminToken = () => readFileSync(estate.place.path('bff/admin.token'), 'utf8').trim()

  async function operate(path: string, body: object): Promise<Record<string, string>> {
    const reply = await fetch(`${bff}/internal${path}`, {
      method: 'POST',
      headers: { ...bearer(adminToken()).headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await reply.text()
    assert.ok(reply.ok, text)
    return JSON.parse(text)
  }

  async function csrfToken(who = browser): Promise<string> {
    const { csrf_token: token } = JSON.parse((await who.go(`${bff}/auth/session`)).text)
    estate.known.add('a CSRF token', token)
    return token
  }

  test('a wrong password, and a login', async () => {
    const page = await logIn()
    assert.equal(page.url.href, `${bff}/`)
    assert.equal((await browser.go(`${bff}/api/echo`)).text, 'hello')
    await estate.learn()
  })

  test('CSRF tokens, good ones and bad ones', async () => {
    const token = await csrfToken()
    const post = (value: string) =>
      browser.go(`${bff}/api/echo`, { method: 'POST', headers: { origin: bff, 'x-csrf-token': value } })
    assert.equal((await post(token)).status, 200)
    const bad = `${token.slice(0, -4)}AAAA`
    estate.known.add('a bad CSRF token', bad)
    assert.equal((await post(bad)).status, 403)
  })

  test('cookies that are none, and a state that is nobody’s', async () => {
    const stranger = new Browser()
    const name = 'bff_session'
    const cookie = browser.cookie(bff, name) ?? assert.fail('no session cookie')
    const bad = `${cookie.slice(0, -6)}AAAAAA`
    estate.known.add('a bad cookie', bad)
    stranger.setCookie(bff, name, bad)
    assert.equal((await stranger.go(`${bff}/api/echo`)).status, 401)
    const [code, state] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')]
    estate.known.add('a code that is none', code)
    estate.known.add('a state that is nobody’s', state)
    const { status } = await stranger.go(`${bff}/auth/callback?code=${code}&state=${state}`)
    assert.equal(status, 401)
    refusals.push(...stranger.refusals)
  })

  test('bearer tokens, good ones and bad ones', async () => {
    const token = (await estate.place.rekey('token')).stdout.trim()
    estate.known.addToken('a bearer token', token)
    assert.equal(await ask(`${bff}/bearer/echo`, bearer(token)), 200)
    const bad = `${token.slice(0, -8)}AAAAAAAA`
    assert.equal(await ask(`${bff}/bearer/echo`, bearer(bad), [bad]), 401)
    const opaque = `rkt_${randomBytes(32).toString('base64url')}`
    assert.equal(await ask(`${bff}/bearer/echo`, bearer(opaque), [opaque]), 401)
  })

  test('operators, and who is none', async () => {
    const wrong = randomBytes(32).toString('base64url')
    for (const token of [wrong, `rkt_${wrong}`]) {
      assert.equal(await ask(`${bff}/internal/keyrings`, bearer(token), [token]), 401)
    }
    const basic = Buffer.from(`${estate.place.estate.admin.clientId}:${wrong}`).toString('base64')
    const form = { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials' }) }
    assert.equal(await ask(`${idp}/api/v1/token`, { ...form, headers: { authorization: `Basic ${basic}` } }), 401)
    assert.equal(await ask(`${bff}/internal/keyrings`, bearer(adminToken())), 200)
  })

  test('links in e-mails: once, once more, and one that was never made', async () => {
    const { url = '' } = await operate('/links', { path: '/invitations/7', sub: 'guest' })
    const token = new URL(url).searchParams.get('token') ?? ''
    const wrong = randomBytes(32).toString('base64url')
    estate.known.add('the token of a link', token)
    const guest = new Browser()
    assert.equal((await guest.go(url)).status, 200)
    assert.notEqual(await ask(url), 200)
    assert.notEqual(await ask(`${bff}/invitations/7?token=${wrong}`, {}, [wrong]), 200)
    for (const value of guest.cookieValues) estate.known.add('a cookie', value)
  })

  test('a service that is not there, and bodies that are none', async () => {
    assert.equal((await browser.go(`${bff}/api/gone`)).status, 502)
    const body = `{"password": "${randomBytes(16).toString('hex')}"`
    estate.known.add('a body that is no JSON', body)
    const json = { ...bearer(adminToken()).headers, 'content-type': 'application/json' }
    assert.equal(await ask(`${bff}/internal/sessions/end`, { method: 'POST', headers: json, body }), 400)
  })

  test('rotations of every keyring', async () => {
    for (const name of ['TOKEN_HASH_SALT', 'CSRF_SECRET_KEY', 'REKEY_OIDC_BFF_SECRET'] as const)
      estate.giveAnother(name)
    for (const name of [...keyringsOfIdp, ...keyringsOfBff]) {
      const { code, stderr } = await estate.place.rekey('rotate', name)
      assert.equal(code, 0, `${name}: ${stderr}`)
    }
    await until(async () => (await activeOf('session', 'token-hash', 'csrf')).every((id) => id.startsWith('given-')))
    await estate.learn()
    assert.equal((await browser.go(`${bff}/api/echo`)).text, 'hello')
    await csrfToken()
  })

  async function activeOf(...names: string[]): Promise<string[]> {
    const reply = await fetch(`${bff}/internal/keyrings`, bearer(adminToken()))
    const { keyrings } = (await reply.json()) as {
      keyrings: { name: string; rotation?: object; versions: { id: string; state: string }[] }[]
    }
    return names.map((name) => {
      const { versions = [], rotation } = keyrings.find((keyring) => keyring.name === name) ?? {}
      return rotation ? '' : (versions.find(({ state }) => state === 'active')?.id ?? '')
    })
  }

  test('sessions that are ended, a login after it, and a logout', async () => {
    await operate('/sessions/end', { all: true, incident: 'drill' })
    assert.equal((await browser.go(`${bff}/api/echo`)).status, 401)
    await logIn()
    assert.equal((await browser.go(`${bff}/api/echo`)).text, 'hello')
    await estate.learn()
    const headers = { origin: bff, 'x-csrf-token': await csrfToken(), 'content-type': 'application/json' }
    const { text } = await browser.go(`${bff}/auth/logout`, { method: 'POST', headers, body: '{"everywhere": true}' })
    // It leads to an address with the ID token in it (OpenID Connect RP-Initiated Logout 1.0 §2), which is looked for in logs.
    assert.equal(await ask(JSON.parse(text).logout_url), 200)
  })

  test('an identity provider that is away', async () => {
    const [pid] = childPids()
    process.kill(pid ?? assert.fail('no IdP'), 'SIGKILL')
    const stranger = new Browser()
    await until(async () => (await stranger.go(`${bff}/auth/login`)).status === 503)
    const opaque = `rkt_${randomBytes(32).toString('base64url')}`
    await ask(`${bff}/internal/keyrings`, bearer(opaque), [opaque])
    refusals.push(...stranger.refusals)
    await until(async () => (await fetch(`${idp}/readyz`)).ok)
  })

  function childPids(): number[] {
    const { children } = JSON.parse(readFileSync(estate.place.path('up.lock'), 'utf8'))
    return children.map(({ pid }: { pid: number }) => pid)
  }

  async function knowAll(): Promise<void> {
    for (const value of browser.cookieValues) estate.known.add('a cookie', value)
    for (const url of browser.urls) {
      estate.known.add('a code', new URL(url).searchParams.get('code') ?? undefined)
    }
    await estate.learn()
  }

  test('a search finds what it is to find, in each form', async () => {
    await knowAll()
    const { admin, database = '' } = estate.place.estate
    const { known } = estate
    const { clientId, clientSecret } = admin
    const name = 'the secret of the administrator'
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
    for (const text of [clientSecret, basic, Buffer.from(clientSecret).toString('hex'), `x${basic}`]) {
      assert.ok(known.in(`{"a":"${text}"}`).includes(name), text)
    }
    assert.deepEqual(known.in(`${clientId} ${database.replace(/:[^:@]+@/, '@')}`), [])
    const kinds = ['a cookie', 'a code', 'an access token', 'a refresh token', 'an ID token', 'bff.pem', 'root.key']
    assert.deepEqual(
      kinds.filter((kind) => !known.has(kind)),
      [],
    )
  })

  test('are in no line that any process logged', () => {
    const folder = estate.place.path('logs')
    for (const file of readdirSync(folder)) {
      const lines = readFileSync(`${folder}/${file}`, 'utf8').split('\n')
      assert.ok(lines.length > 1, `${file} is empty`)
      for (const line of lines) assert.deepEqual(estate.known.in(line), [], `${file}: ${line}`)
    }
    assert.deepEqual(estate.known.in(estate.up.output), [], estate.up.output)
    // Every request was logged, and refusals with their causes.
    const log = readFileSync(`${folder}/bff.log`, 'utf8')
    assert.match(log, /"path":"\/auth\/callback","status":302/)
    assert.match(log, /"path":"\/auth\/callback","status":401,"code":"LOGIN_REFUSED"/)
  })

  test('are in no metric', async () => {
    for (const url of [idp, bff, ...estate.place.estate.apis]) {
      const text = await (await fetch(`${url}/metrics`)).text()
      assert.deepEqual(estate.known.in(text), [], text)
    }
  })

  test('are in no reply that refuses', () => {
    refusals.push(...browser.refusals)
    assert.ok(refusals.length > 10)
    for (const text of refusals) assert.deepEqual(estate.known.in(text), [], text.slice(-2_000))
  })

  test('are in no event of the audit', async () => {
    for (const database of [estate.place.estate.database ?? '', estate.bffDatabase]) {
      const { pool, close } = connect(database)
      const { rows } = await pool.query<{ text: string }>(
        'SELECT to_jsonb(audit_events)::text AS text FROM audit_events',
      )
      await close()
      assert.ok(rows.length > 5)
      for (const { text } of rows) assert.deepEqual(estate.known.in(text), [], text)
    }
  })

  test('are in no address, but for the code of a login', () => {
    for (const url of browser.urls) {
      const found = estate.known.in(url)
      assert.deepEqual(
        found.filter((name) => name !== 'a code'),
        [],
        url,
      )
    }
  })
})

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isTrue().catch(() => false)) return
    await delay(50)
  }
  assert.fail('it did not come true within 30 s')
}
