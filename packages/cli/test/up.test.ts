import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@rekey/database'
import { activeOf, type KeyringView } from '../src/client/keyring.ts'
import type { Estate } from '../src/estate/document.ts'
import { Place, type Up } from './up.ts'

// One estate, lived through from its first start to its last: the tests build on each other, in this order.
let place: Place
let up: Up
let estate: Estate
let revoked = ''

before(async () => {
  place = await Place.find()
  up = place.up()
  await up.ready()
  estate = place.estate
})

after(async () => {
  if (up.process.exitCode === null && up.process.signalCode === null) {
    up.process.kill('SIGTERM')
    await up.exited
  }
  place.remove()
})

test('a started estate is ready at every address, and only its owner can read its files', async () => {
  assert.equal(estate.bff, `http://localhost:${place.base}`)
  for (const url of [estate.idp, ...estate.apis, estate.bff]) assert.equal((await fetch(`${url}/readyz`)).status, 200)
  const ofBff = ['root.key', 'client.secret', 'admin.token', 'audit-checkpoints'].map((name) => `bff/${name}`)
  for (const name of ['estate.json', 'root.key', 'clients.json', ...ofBff]) assert.equal(modeOf(name), 0o600, name)
  assert.equal(modeOf('.'), 0o700)
  assert.match(up.output, new RegExp(`${estate.idp}.*npx rekey load`, 's'))
  assert.ok(!up.output.includes(estate.admin.clientSecret))
})

test('the user who may log in is made, is named, and has a password that only the estate’s files know', async () => {
  const { username, password } = estate.user ?? assert.fail('no user')
  const { accounts } = JSON.parse((await place.rekey('account', 'list', '--json')).stdout)
  assert.deepEqual(
    accounts.map((account: { username: string; status: string }) => [account.username, account.status]),
    [[username, 'active']],
  )
  assert.match(up.output, /User +admin \(its password is in .*estate\.json\)/)
  assert.ok(!up.output.includes(password))
})

test('an agent’s token opens both APIs', async () => {
  const token = (await place.rekey('token')).stdout.trim()
  for (const api of estate.apis) assert.deepEqual(await hello(api, token), [200, { hello: estate.agent?.clientId }])
})

test('the checklist after a rotation is green: login, calls by session and by token, and the backend’s keys', async () => {
  for (const words of [[], ['rotate', 'session', '--watch'], ['bff', 'rotate-keys'], ['rotate', 'csrf', '--watch']]) {
    if (words.length > 0) assert.equal((await place.rekey(...words)).code, 0, words.join(' '))
    const { code, stdout, stderr } = await place.rekey('verify', '--json')
    const { ok, checks } = JSON.parse(stdout)
    assert.deepEqual([code, ok], [0, true], stderr)
    assert.deepEqual(
      checks.filter((check: { ok: boolean }) => !check.ok),
      [],
    )
  }
})

test('the checklist says what is not as it has to be', async () => {
  const { code, stdout, stderr } = await place.rekey('verify', '--bearer-path', '/api/hello')
  assert.equal(code, 1)
  assert.match(stdout, /✗ {2}bearer-call +GET \/api\/hello answered 401/)
  assert.match(stderr, /not as it has to be: bearer-call/)
})

test('the key rotates twice and is revoked under load without a failed request', async () => {
  const endLoad = await place.load(200)
  const first = (await place.rekey('token')).stdout.trim()
  for (let rotation = 0; rotation < 2; rotation += 1) {
    const { code, stderr } = await place.rekey('rotate', 'signing-es256', '--watch', '--json')
    assert.equal(code, 0, stderr)
    for (const api of estate.apis) assert.equal((await hello(api, first))[0], 200)
  }
  const condemned = (await place.rekey('token')).stdout.trim()
  await revokeActive()
  await refusedEverywhereWithin(1000, condemned)
  assert.equal((await hello(estate.apis[0] ?? '', (await place.rekey('token')).stdout.trim()))[0], 200)
  revoked = condemned

  const { code, stdout, stderr } = await endLoad()
  const summary = JSON.parse(stdout)
  assert.deepEqual(summary.failures, {}, stderr)
  assert.equal(code, 0)
  assert.ok(summary.requests > 400)
  assert.equal(summary.kids.length, 4)
  assert.ok(summary.revokedRefusals > 0)
  assert.match(stderr, /^\d+ s {2}\d+\/s {2}0 failed .*signed by es256-/m)
})

test('what happened is in the audit, whose checkpoints stand in the home as well', async () => {
  const { code, stdout, stderr } = await place.rekey('audit', 'verify', '--json')
  assert.equal(code, 0, stderr)
  assert.ok(JSON.parse(stdout).checkedCount > 5)
  assert.match(readFileSync(place.path('audit-checkpoints'), 'utf8'), /"checkpoint"/)
  assert.equal(modeOf('audit-checkpoints'), 0o600)
})

test('status shows the versions, both verifiers and the reason of the revocation', async () => {
  const status = JSON.parse((await place.rekey('status', '--json')).stdout)
  const states = keyring(status.keyrings).versions.map(({ state }) => state)
  assert.deepEqual(states.slice(0, 4), ['retiring', 'retiring', 'revoked', 'active'])
  assert.deepEqual(
    status.verifiers.map(({ id, live }: { id: string; live: boolean }) => [id, live]),
    [81, 82].map((offset) => [`api-${offset - 80}/${place.base + offset}`, true]),
  )
  assert.match((await place.rekey('status')).stdout, /revoked +\d+s +exercise/)
})

test('status shows the keyrings of the backend for frontend too', async () => {
  const { keyrings, attention } = JSON.parse((await place.rekey('status', '--json')).stdout)
  const names = ['csrf', 'session', 'state', 'token-hash', 'ua-hash', 'bff-client']
  for (const name of names) assert.equal(activeOf(keyringOf(keyrings, name))?.state, 'active', name)
  assert.ok(!attention.some(({ what }: { what: string }) => what.includes('backend')))
})

test('an unknown keyring and an unknown version are refused with their code', async () => {
  const { code, stdout } = await place.rekey('rotate', 'signing-none', '--json')
  assert.equal(code, 1)
  assert.equal(JSON.parse(stdout).code, 'UNKNOWN_KEYRING')
  const revocation = await place.rekey('revoke', 'signing-es256', 'no-such-kid', '--reason', 'x', '--json')
  assert.equal(revocation.code, 1)
  assert.equal(JSON.parse(revocation.stdout).code, 'UNKNOWN_VERSION')
})

test('a new agent gets tokens with the credential that is printed', async () => {
  const agent = JSON.parse((await place.rekey('agent', 'create', 'billing', '--json')).stdout)
  const response = await fetch(`${estate.idp}/api/v1/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: agent.clientId,
      client_secret: agent.clientSecret,
    }),
  })
  const { access_token } = (await response.json()) as { access_token: string }
  assert.deepEqual(await hello(estate.apis[1] ?? '', access_token), [200, { hello: agent.agentId }])
})

test('the estate’s own secrets are rotated, and its commands go on: the home keeps up', async () => {
  for (const clientId of [estate.admin.clientId, estate.agent?.clientId ?? '']) {
    const { stdout } = await place.rekey('credential', 'list', clientId, '--json')
    const [{ credentialId }] = JSON.parse(stdout).credentials
    const { code, stderr } = await place.rekey('credential', 'rotate', clientId, credentialId, '--json')
    assert.equal(code, 0)
    assert.match(stderr, /whose home has the new secret now/)
  }
  assert.notEqual(place.estate.admin.clientSecret, estate.admin.clientSecret)
  estate = place.estate
  assert.equal((await place.rekey('token')).code, 0)
  assert.equal((await place.rekey('status', '--json')).code, 0)
})

test('the CLI works for an estate elsewhere, named by its environment', async () => {
  const other = await Place.find()
  const { clientId, clientSecret } = estate.admin
  other.more = { REKEY_IDP: estate.idp, REKEY_CLIENT_ID: clientId, REKEY_CLIENT_SECRET: clientSecret }
  const { code, stdout } = await other.rekey('status', '--json')
  assert.equal(code, 0)
  assert.equal(keyring(JSON.parse(stdout).keyrings).name, 'signing-es256')
})

test('a second "rekey up" on the home is refused with the pid of the first', async () => {
  const second = place.up()
  assert.deepEqual(await second.exited, { code: 1, signal: null })
  assert.match(second.output, new RegExp(`already runs .*pid ${up.pid}`))
  assert.equal((await fetch(`${estate.idp}/readyz`)).status, 200)
})

test('a part that dies is started again and said to have died', async () => {
  process.kill(childPids()[1] as number, 'SIGKILL')
  await until(() => /api-\d killed by SIGKILL; it is started again/.test(up.output))
  for (const api of estate.apis) await until(async () => (await fetch(`${api}/readyz`)).ok)
})

test('Ctrl-C, twice and to the whole group, stops everything within 3 s', async () => {
  const children = childPids()
  const start = performance.now()
  up.signalGroup('SIGINT')
  up.signalGroup('SIGINT')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
  assert.ok(performance.now() - start < 3000)
  assert.equal(existsSync(place.path('estate.json')), false)
  assert.deepEqual(await place.takenPorts(), [])
  for (const pid of children) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('a taken port is named, and nothing is left running', async () => {
  const server = createServer().listen(place.base + 82, 'localhost')
  await once(server, 'listening')
  const refused = place.up()
  assert.deepEqual(await refused.exited, { code: 1, signal: null })
  assert.match(refused.output, new RegExp(`port ${place.base + 82} \\(api-2\\).*REKEY_PORT_BASE`))
  assert.deepEqual(await place.takenPorts(), [place.base + 82])
  server.close()
  await once(server, 'close')
})

test('started again on the same home, the estate knows its clients, and what was revoked stays revoked', async () => {
  up = place.up()
  await up.ready()
  assert.deepEqual(place.estate.agent, estate.agent)
  const fresh = (await place.rekey('token')).stdout.trim()
  for (const api of estate.apis) {
    assert.equal((await hello(api, fresh))[0], 200)
    assert.deepEqual(codeOf(await hello(api, revoked)), [401, 'key_revoked'])
  }
  assert.equal((await place.rekey('verify')).code, 0)
})

test('what a killed estate left behind is taken over', async () => {
  up.process.kill('SIGKILL')
  await up.exited
  assert.ok(existsSync(place.path('estate.json')))
  up = place.up()
  await up.ready()
  assert.match(up.output, /was killed: taking over/)
  const token = (await place.rekey('token')).stdout.trim()
  for (const api of estate.apis) assert.equal((await hello(api, token))[0], 200)
})

test('parts that do not react, PostgreSQL included, are stopped within 3 s all the same', async () => {
  const parts = [...childPids(), await postmasterPid()]
  for (const pid of parts) process.kill(pid, 'SIGSTOP')
  const start = performance.now()
  up.signalGroup('SIGINT')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
  const tookMs = performance.now() - start
  assert.ok(tookMs > 2000 && tookMs < 3000, `${tookMs} ms`)
  for (const pid of parts) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  assert.deepEqual(await place.takenPorts(), [])
})

test('SIGTERM during the start stops what was started', async () => {
  up = place.up()
  await until(() => existsSync(place.path('up.lock')) && childPids().length > 0)
  up.process.kill('SIGTERM')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
  assert.deepEqual(await place.takenPorts(), [])
  assert.equal(existsSync(place.path('up.lock')), false)
})

test('a new database is trusted by APIs that remember the one that was removed, and the backend registers anew', async () => {
  const apart = place.removeDatabase()
  assert.ok(existsSync(place.path('api-1.trust.json')))
  up = place.up()
  await up.ready()
  const token = (await place.rekey('token')).stdout.trim()
  for (const api of estate.apis) assert.equal((await hello(api, token))[0], 200)
  up.process.kill('SIGTERM')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
  for (const folder of apart) rmSync(folder, { recursive: true, force: true })
})

test('a home that was removed starts anew, whatever PostgreSQL kept elsewhere', async () => {
  const apart = place.removeHome()
  up = place.up()
  await up.ready()
  const token = (await place.rekey('token')).stdout.trim()
  assert.equal((await hello(place.estate.apis[0] ?? '', token))[0], 200)
  for (const folder of apart) rmSync(folder, { recursive: true, force: true })
})

async function revokeActive(): Promise<void> {
  const status = JSON.parse((await place.rekey('status', '--json')).stdout)
  const active = keyring(status.keyrings).versions.find(({ state }) => state === 'active')?.id ?? ''
  const { code, stderr } = await place.rekey('revoke', 'signing-es256', active, '--reason', 'exercise')
  assert.equal(code, 0, stderr)
}

async function refusedEverywhereWithin(limitMs: number, token: string): Promise<void> {
  const start = performance.now()
  for (const api of estate.apis) {
    await until(async () => {
      const [status, code] = codeOf(await hello(api, token))
      return status === 401 && code === 'key_revoked'
    })
  }
  assert.ok(performance.now() - start < limitMs)
}

function keyring(keyrings: KeyringView[]): KeyringView {
  return keyringOf(keyrings, 'signing-es256')
}

function keyringOf(keyrings: KeyringView[], name: string): KeyringView {
  return keyrings.find((found) => found.name === name) ?? assert.fail(`no ${name}`)
}

async function hello(api: string, token: string): Promise<[number, object]> {
  const response = await fetch(`${api}/hello`, { headers: { authorization: `Bearer ${token}` } })
  return [response.status, (await response.json()) as object]
}

function codeOf([status, body]: [number, object]): [number, unknown] {
  return [status, (body as { code?: unknown }).code]
}

function modeOf(name: string): number {
  return statSync(place.path(name)).mode & 0o777
}

/** The parent of the process that serves a connection. */
async function postmasterPid(): Promise<number> {
  const { pool, close } = connect(place.estate.database ?? '')
  const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
  const status = readFileSync(`/proc/${rows[0].pid}/status`, 'utf8')
  await close()
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1])
}

function childPids(): number[] {
  const lock = JSON.parse(readFileSync(place.path('up.lock'), 'utf8')) as { children: { pid: number }[] }
  return lock.children.map(({ pid }) => pid)
}

/** Looks again and again for something that no event tells of. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 750; looks += 1) {
    if (await Promise.resolve(isTrue()).catch(() => false)) return
    await delay(20)
  }
  assert.fail(`it did not come true within 15 s:\n${up.output}`)
}
