import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Issuer } from './issuer.ts'

const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const issuer = new Issuer()
const children = new Set<ChildProcess>()
let port = 0
let api: ChildProcess
let url = ''

before(async () => {
  await issuer.start()
  port = await freePort()
  url = `http://127.0.0.1:${port}`
  api = start(issuer.url, port)
  await once(api, 'message')
})

after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await issuer.close()
})

test('a good token is greeted with its subject', async () => {
  const response = await hello(issuer.token({ sub: 'agent-7' }))
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { hello: 'agent-7' })
})

test('what is said to it comes back with the subject, and only with a good token', async () => {
  const say = (body: string, token = issuer.token({ sub: 'agent-7' })) =>
    fetch(`${url}/hello`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    })
  const said = await say(JSON.stringify({ message: 'good morning' }))
  assert.deepEqual([said.status, await said.json()], [200, { hello: 'agent-7', said: 'good morning' }])
  for (const body of ['{', '{}', JSON.stringify({ message: 'x'.repeat(201) })])
    assert.equal((await say(body)).status, 400)
  assert.equal((await say('{', 'none')).status, 401)
})

test('no token, a token for somebody else and an expired one are refused with a challenge and a code', async () => {
  const expired = Math.floor(Date.now() / 1000) - 1
  const cases = [
    [undefined, 'token_missing'],
    [issuer.token({ aud: 'urn:other' }), 'audience_mismatch'],
    [issuer.token({ exp: expired }), 'token_expired'],
  ] as const
  for (const [token, code] of cases) {
    const response = await hello(token)
    assert.equal(response.status, 401)
    assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
    assert.equal(((await response.json()) as { code: string }).code, code)
  }
})

test('a key that is published while the API runs is trusted, and refused once it is revoked', async () => {
  const revoked = issuer.kid
  const old = issuer.token()
  issuer.addKey()
  await until(async () => (await hello(issuer.token())).status === 200)
  issuer.revoke(revoked)
  await until(async () => (await hello(old)).status === 401)
  assert.equal(((await (await hello(old)).json()) as { code: string }).code, 'key_revoked')
  assert.equal((await hello(issuer.token())).status, 200)
})

test('the metrics count refusals by code and tell what is trusted', async () => {
  await hello(undefined)
  const text = await (await fetch(`${url}/metrics`)).text()
  assert.match(text, /^api_requests_total\{status="401",code="token_missing"\} \d+$/m)
  assert.match(text, /^rekey_verifier_trusted_keys\{issuer="http[^"]+"\} \d+$/m)
  assert.match(text, /^rekey_verifier_verdicts_total\{issuer="[^"]+",outcome="ok"\} \d+$/m)
  assert.ok(Number(/^rekey_verifier_lease_left_seconds\{.*\} (\S+)$/m.exec(text)?.[1]) > 0)
})

test('an unknown path is a 404 with a code', async () => {
  const response = await fetch(`${url}/nowhere`)
  assert.equal(response.status, 404)
  assert.equal(((await response.json()) as { code: string }).code, 'not_found')
})

test('without trust the API is alive but not ready', async () => {
  const silentPort = await freePort()
  start(`http://127.0.0.1:${await freePort()}`, silentPort)
  const at = (path: string) => fetch(`http://127.0.0.1:${silentPort}${path}`)
  await until(async () => (await at('/healthz')).status === 200)
  assert.equal((await at('/readyz')).status, 503)
  const refused = await fetch(`http://127.0.0.1:${silentPort}/hello`, { headers: bearer(issuer.token()) })
  assert.equal(refused.status, 503)
})

test('a missing variable is named, and the process ends with 1', async () => {
  const child = spawn(process.execPath, [entry], { env: { PORT: '0' }, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  assert.equal(code, 1)
  assert.match(text, /REKEY_ISSUER, REKEY_TRUST_CLIENT_ID, REKEY_TRUST_CLIENT_SECRET/)
})

test('an algorithm or an address that is wrong is named, and the process ends with 1', async () => {
  const required = { REKEY_ISSUER: issuer.url, REKEY_TRUST_CLIENT_ID: 'api', REKEY_TRUST_CLIENT_SECRET: 'secret' }
  const wrong = [{ REKEY_ALGORITHMS: 'ES256,ES265' }, { REKEY_TRUST_URLS: `${issuer.url},not a URL` }]
  for (const more of wrong) {
    const env = { ...required, PORT: '0', ...more }
    const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (chunk) => {
      text += chunk
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
    assert.match(text, /REKEY_ALGORITHMS has "ES265"|REKEY_TRUST_URLS "not a URL"/)
  }
})

test('an algorithm that the API was not told of is refused', async () => {
  const onlyRsa = await freePort()
  await once(start(issuer.url, onlyRsa, { REKEY_ALGORITHMS: 'RS256' }), 'message')
  const refused = await fetch(`http://127.0.0.1:${onlyRsa}/hello`, { headers: bearer(issuer.token()) })
  assert.equal(refused.status, 401)
  assert.equal(((await refused.json()) as { code: string }).code, 'algorithm_not_allowed')
})

test('an operator who knows the secret refreshes trust and denies tokens, over a restart too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-api-'))
  t.after(() => rm(folder, { recursive: true }))
  const here = await freePort()
  const settings = { INTERNAL_JWKS_REFRESH_TOKEN: 'new-one,old-one', REKEY_STATE_FILE: join(folder, 'trust.json') }
  const child = start(issuer.url, here, settings)
  await once(child, 'message')
  const token = issuer.token({ jti: 'stolen' })
  const ask = (path: string, secret: string, body?: object) =>
    fetch(`http://127.0.0.1:${here}/internal/auth/${path}`, {
      method: 'POST',
      headers: { ...bearer(secret), ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : null,
    })
  const greeted = async () => (await fetch(`http://127.0.0.1:${here}/hello`, { headers: bearer(token) })).status
  assert.equal(await greeted(), 200)
  for (const secret of ['new-one', 'old-one']) {
    const refreshed = (await (await ask('jwks/refresh', secret)).json()) as { issuer: string; kids: string[] }
    assert.equal(refreshed.issuer, issuer.url)
    assert.ok(refreshed.kids.includes(issuer.kid))
  }
  assert.equal((await ask('jwks/refresh', 'another')).status, 401)
  assert.equal((await ask('deny', 'new-one', { entries: [{ jti: 'stolen' }] })).status, 200)
  assert.equal(await greeted(), 401)
  child.kill('SIGTERM')
  await once(child, 'exit')
  await once(start(issuer.url, here, settings), 'message')
  assert.equal(await greeted(), 401)
})

test('without a secret there are no internal endpoints', async () => {
  const response = await fetch(`${url}/internal/auth/jwks/refresh`, { method: 'POST', headers: bearer('') })
  assert.equal(response.status, 404)
})

test('an instance of the issuer that is down does not keep the API from trust', async () => {
  const down = `http://127.0.0.1:${await freePort()}`
  const here = await freePort()
  await once(start(issuer.url, here, { REKEY_TRUST_URLS: `${down},${issuer.url}` }), 'message')
  const greeted = await fetch(`http://127.0.0.1:${here}/hello`, { headers: bearer(issuer.token()) })
  assert.equal(greeted.status, 200)
})

test('the process ends when its parent is gone', async () => {
  const child = start(issuer.url, await freePort())
  await once(child, 'message')
  child.disconnect()
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})

test('SIGTERM ends the process after a goodbye to the issuer', async () => {
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  api.kill('SIGTERM')
  await issuer.goodbye
  const [code] = await once(api, 'exit')
  assert.equal(code, 0)
})

function start(issuerUrl: string, onPort: number, more: Record<string, string> = {}): ChildProcess {
  const env = {
    REKEY_ISSUER: issuerUrl,
    REKEY_TRUST_CLIENT_ID: 'api',
    REKEY_TRUST_CLIENT_SECRET: 'secret',
    PORT: String(onPort),
    HOST: '127.0.0.1',
    ...more,
  }
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  children.add(child)
  return child
}

function hello(token: string | undefined): Promise<Response> {
  return fetch(`${url}/hello`, token === undefined ? {} : { headers: bearer(token) })
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

/** Looks again and again for something that no event tells of; the test runner's own timeout bounds it. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 500; looks += 1) {
    if (await isTrue().catch(() => false)) return
    await delay(20)
  }
  assert.fail('it did not come true within 10 s')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: found } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return found
}
