import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { ManagementClient } from '../../src/client/management.ts'
import { verify } from '../../src/verify/run.ts'
import { temporaryFolder } from '../folder.ts'
import { playIdp } from '../idp.ts'
import { keyring, version } from '../keyring.ts'
import { run, shellWith } from '../shell.ts'

interface Check {
  name: string
  ok: boolean
  tried: boolean
  detail: string
}

const client = { ...keyring([version('k2', 'active')]), name: 'bff-client', kind: 'client-key' }
const to = (address: string) => (response: ServerResponse) => response.writeHead(302, { location: address }).end()
const status = (code: number) => (response: ServerResponse) => response.writeHead(code).end('{}')
const byToken = (response: ServerResponse) =>
  response.writeHead(response.req.headers.authorization === 'Bearer t' ? 200 : 401).end('{}')
const good = {
  'GET /.well-known/jwks.json': { keys: [{ kid: 'k1' }, { kid: 'k2' }] },
  'GET /internal/keyrings/bff-client': client,
  'GET /bearer/hello': byToken,
}

/** Verifies a backend that answers so, beside an IdP that describes itself. */
async function verified(answers: Record<string, unknown>, atIdp: Record<string, unknown> = {}) {
  const bff = await playIdp(answers)
  const idp = await playIdp({
    'GET /.well-known/openid-configuration': (response: ServerResponse) =>
      response.end(JSON.stringify({ issuer: `http://${response.req.headers.host}` })),
    ...atIdp,
  })
  try {
    const { code, stdout } = await idp.rekey('verify', '--bff', bff.url, '--json')
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
    return { code, ok, check: (name: string) => checks.find((found) => found.name === name) }
  } finally {
    await bff.close()
    await idp.close()
  }
}

test('at another identity provider it says what it cannot try, and that is no failure', async (t) => {
  const foreign = await playIdp({ 'GET /authorize?client_id=app': '<h1>Log in</h1>' })
  t.after(foreign.close)
  const login = { 'GET /auth/login?return_to=/': to(`${foreign.url}/authorize?client_id=app`) }
  const { code, ok, check } = await verified({ ...good, ...login })
  assert.deepEqual([code, ok], [0, true])
  assert.deepEqual([check('login')?.ok, check('jwks')?.ok, check('bearer-call')?.ok], [true, true, true])
  for (const name of ['callback', 'private_key_jwt', 'session', 'session-call', 'csrf', 'logout']) {
    assert.deepEqual([check(name)?.ok, check(name)?.tried], [false, false], name)
  }
  assert.match(check('callback')?.detail ?? '', /are not Rekey’s/)
})

test('each thing that is not as it has to be is named, and the rest is looked at all the same', async () => {
  const jwks = { 'GET /.well-known/jwks.json': { keys: [{ kid: 'k1' }] } }
  const { code, ok, check } = await verified({ ...good, ...jwks, 'GET /bearer/hello': status(200) })
  assert.deepEqual([code, ok], [1, false])
  assert.match(check('jwks')?.detail ?? '', /k2 signs; published: k1/)
  assert.match(check('login')?.detail ?? '', /\(404\), and asked for nothing/)
  assert.match(check('bearer-call')?.detail ?? '', /answered 200 to a token that is none/)
  assert.equal(check('discovery')?.ok, true)
})

test('a private key that is published, and an issuer of another name, are failures', async () => {
  const jwks = { 'GET /.well-known/jwks.json': { keys: [{ kid: 'k2', d: 'secret' }] } }
  const metadata = { 'GET /.well-known/openid-configuration': { issuer: 'https://elsewhere.example' } }
  const { code, check } = await verified({ ...good, ...jwks }, metadata)
  assert.equal(code, 1)
  assert.equal(check('jwks')?.detail, 'a private key is published')
  assert.match(check('discovery')?.detail ?? '', /calls itself https:\/\/elsewhere\.example/)
})

test('a backend that is not there is a failure of all that was tried', async () => {
  const gone = await playIdp()
  await gone.close()
  const idp = await playIdp({})
  const { code, stdout, stderr } = await idp.rekey('verify', '--bff', gone.url)
  await idp.close()
  assert.equal(code, 1)
  assert.match(stdout, /✗ {2}login +http:\/\/127\.0\.0\.1:\d+ cannot be reached/)
  assert.match(stdout, /– {2}callback +nobody got to the identity provider/)
  assert.match(stderr, /not as it has to be: discovery, jwks, login, bearer-call/)
})

const form = '<title>Sign in</title><form method="post" action="/login"><input type="password" name="password"></form>'

/** An estate with a user, whose IdP lets in nobody: it answers every login so. */
async function strictEstate(t: TestContext, status: number, title: string) {
  const typed: unknown[] = []
  const idp = createServer(async (request, response) => {
    const body = new URLSearchParams(await text(request))
    if (request.url === '/api/v1/token') return response.end(JSON.stringify({ access_token: 't', expires_in: 60 }))
    if (request.method === 'GET') return response.end(form)
    typed.push(Object.fromEntries(body))
    return response.writeHead(status).end(form.replace('Sign in', title))
  }).listen(0, '127.0.0.1')
  await once(idp, 'listening')
  const url = `http://127.0.0.1:${(idp.address() as AddressInfo).port}`
  const bff = await playIdp({ ...good, 'GET /auth/login?return_to=/': to(`${url}/authorize?client_id=bff`) })
  t.after(() => Promise.all([bff.close(), idp.close().closeAllConnections()]))
  const REKEY_HOME = temporaryFolder()
  const admin = { clientId: 'admin', clientSecret: 'secret' }
  const user = { username: 'ada', password: 'right' }
  writeFileSync(`${REKEY_HOME}/estate.json`, JSON.stringify({ idp: url, bff: bff.url, admin, user }))
  return { url, typed, verify: (env: Record<string, string>) => run(['verify'], { REKEY_HOME, ...env }) }
}

test('it logs in as the estate’s user, by another password where one is set, or as somebody else', async (t) => {
  const { typed, verify } = await strictEstate(t, 422, 'Error: Sign in')
  for (const env of [{}, { REKEY_PASSWORD: 'other' }, { REKEY_USERNAME: 'bob', REKEY_PASSWORD: 'his' }]) {
    assert.equal((await verify(env as Record<string, string>)).code, 1)
  }
  assert.deepEqual(typed, [
    { username: 'ada', password: 'right' },
    { username: 'ada', password: 'other' },
    { username: 'bob', password: 'his' },
  ])
})

test('a login that is refused is told as what it is, and without the password', async (t) => {
  const wrong = await strictEstate(t, 422, 'Error: Sign in')
  const { code, stdout, stderr } = await wrong.verify({ REKEY_PASSWORD: 'mistyped' })
  assert.equal(code, 1)
  assert.match(stdout, /✗ {2}callback +http:\/\/127\.0\.0\.1:\d+ did not accept the username ada with the password/)
  assert.doesNotMatch(stdout + stderr, /mistyped/)
  const busy = await strictEstate(t, 429, 'Too many')
  assert.match(
    (await busy.verify({})).stdout,
    /✗ {2}callback +http:\/\/[\d.:]+ does not let ada in \(429, "Too many"\)/,
  )
})

test('a username without a password, and a password of nobody, are wrong use', async (t) => {
  const { typed, verify } = await strictEstate(t, 422, 'Error: Sign in')
  const { code, stderr } = await verify({ REKEY_USERNAME: 'ada' })
  assert.equal(code, 2)
  assert.match(stderr, /REKEY_USERNAME is set, and REKEY_PASSWORD is not/)
  const elsewhere = { REKEY_IDP: 'http://127.0.0.1:1', REKEY_CLIENT_ID: 'a', REKEY_CLIENT_SECRET: 'b' }
  const env = { ...elsewhere, REKEY_BFF: 'http://127.0.0.1:1', REKEY_PASSWORD: 'mistyped' }
  const nobodys = await run(['verify'], env)
  assert.equal(nobodys.code, 2)
  assert.match(nobodys.stderr, /REKEY_PASSWORD is set, and REKEY_USERNAME is not/)
  assert.deepEqual(typed, [])
})

test('a call that gets no answer in time is named, without its query', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close().closeAllConnections())
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const elsewhere = { idp: 'http://127.0.0.1:1', apis: [], admin: { clientId: 'a', clientSecret: 'b' } }
  const { checks } = await verify({
    bff: new URL(url),
    idp: url,
    user: undefined,
    sessionPath: '/api/hello',
    bearerPath: '/bearer/hello',
    bearer: async () => 't',
    management: new ManagementClient(elsewhere, shellWith({})),
    fetch,
    replyWithinMs: 50,
  })
  const said = Object.fromEntries(checks.map(({ name, detail }) => [name, detail]))
  assert.partialDeepStrictEqual(said, {
    discovery: `GET ${url}/.well-known/openid-configuration: no reply within 0.05 s`,
    jwks: `GET ${url}/.well-known/jwks.json: no reply within 0.05 s`,
    login: `GET ${url}/auth/login: no reply within 0.05 s`,
    'bearer-call': `GET ${url}/bearer/hello: no reply within 0.05 s`,
  })
})
