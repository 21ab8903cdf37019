import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { after, beforeEach, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KeyringView } from '../src/client/keyring.ts'
import { before, keyring, version } from './keyring.ts'
import { type Ran, run } from './shell.ts'

// An IdP that plays back the states of one keyring, so that commands can be seen at moments which pass too quickly in a
// real estate. The whole against real parts: see up.test.ts.
let states: KeyringView[] = []
let requests: string[] = []
let refuseWith: [number, object] | undefined
let silentMs = 0
let parties: object = { verifiers: [] }

const server = createServer(async (request, response) => {
  const line = `${request.method} ${request.url} ${await bodyOf(request)}`.trim()
  if (!line.includes('/api/v1/token')) requests.push(line)
  if (silentMs > 0 && !line.includes('/api/v1/token')) await delay(silentMs)
  const [status, body] = line.includes('/api/v1/token') ? [200, { access_token: 't', expires_in: 60 }] : reply(line)
  response.writeHead(status).end(JSON.stringify(body))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const idp = `http://127.0.0.1:${(server.address() as { port: number }).port}`
const env = { REKEY_IDP: idp, REKEY_CLIENT_ID: 'admin', REKEY_CLIENT_SECRET: 'secret' }

function reply(line: string): [number, unknown] {
  if (line.startsWith('POST') && refuseWith) return refuseWith
  if (line.endsWith('/verifiers')) return [200, parties]
  // As an IdP of the release before answers.
  if (/\/(issuance|columns|instances|incidents|webhooks\?.*|credentials\?.*|audit\?.*)$/.test(line))
    return [404, { code: 'NOT_FOUND', message: 'there is nothing here' }]
  const state = states.length > 1 && line.startsWith('GET') ? states.shift() : states[0]
  return [200, line.endsWith('/keyrings') ? { keyrings: [state] } : state]
}

const rotation = { requestedAt: before(10), by: 'admin', forced: false }
const started = { ...keyring([version('a', 'active'), version('b', 'prepared')]), rotation }
const gate = { step: 'activate', version: 'b', gate: 'propagated', for: ['verifier api-7'], opensAt: null }
const served = version('b', 'prepared', { servedAt: before(9) })
const waiting = { ...keyring([version('a', 'active'), served], [gate]), rotation }
const activated = keyring([version('a', 'retiring'), version('b', 'active')])
const confirmed = keyring([version('a', 'retiring', { demotedAt: before(1) }), version('b', 'active')])
const retired = keyring([version('a', 'retired', { demotedAt: before(1) }), version('b', 'active')])

after(() => server.close().closeAllConnections())

beforeEach(() => {
  requests = []
  refuseWith = undefined
  silentMs = 0
  parties = { verifiers: [] }
  states = [started]
})

function rekey(...words: string[]): Promise<Ran> {
  return run(words, env)
}

test('rotate --watch shows each gate with its reason and returns when every live instance signs anew', async () => {
  states = [started, waiting, activated, confirmed]
  const { code, stdout, stderr } = await rekey('rotate', 'signing-es256', '--watch', '--json')
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), confirmed)
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    'done: successor b prepared',
    'done: served by every IdP instance',
    'propagated: every live verifier holds it: waiting for verifier api-7; opens as soon as that is confirmed',
    'done: propagated: every live verifier holds it',
    'done: every live instance signs with it',
  ])
})

test('rotate --until retired goes on until the old version is retired', async () => {
  states = [started, confirmed, retired]
  const { code, stdout } = await rekey('rotate', 'signing-es256', '--until', 'retired')
  assert.equal(code, 0)
  assert.equal(stdout, 'signing-es256: b is active, a is retired.\n')
  assert.equal(requests.length, 4)
})

test('a rotation that is given up while it is watched is a failure, and no reason to wait for ever', async () => {
  const discarded = keyring([version('a', 'active'), version('b', 'retired'), version('c', 'prepared')])
  states = [started, waiting, discarded]
  const { code, stdout, stderr } = await rekey('rotate', 'signing-es256', '--watch', '--json')
  assert.equal(code, 1)
  assert.equal(JSON.parse(stdout).code, 'FAILED')
  assert.match(stderr, /the rotation of signing-es256 was given up: a is active/)
})

test('a scheduled rotation just before the request does not pass for the one that was asked for', async () => {
  const gone = version('a', 'retiring', { demotedAt: before(1) })
  const asked = { ...keyring([gone, version('b', 'active'), version('c', 'prepared')]), rotation }
  const done = keyring([gone, version('b', 'retiring', { demotedAt: before(1) }), version('c', 'active')])
  states = [asked, asked, done]
  const { code, stdout } = await rekey('rotate', 'signing-es256', '--watch')
  assert.deepEqual([code, stdout], [0, 'signing-es256: every live instance signs with c.\n'])
  assert.match(requests[0] ?? '', /^POST/)
})

test('rotate alone asks and returns, with force and reason when given', async () => {
  const { code } = await rekey('rotate', 'signing-es256', '--force', '--reason', 'drill')
  assert.equal(code, 0)
  assert.deepEqual(requests, ['POST /api/v1/keyrings/signing-es256/rotate {"force":true,"reason":"drill"}'])
})

test('a rotation under way refuses a second one with 4, and the code goes to both outputs', async () => {
  refuseWith = [409, { code: 'ROTATION_UNDER_WAY', message: 'a rotation is under way', correlation_id: 'c-9' }]
  const { code, stdout, stderr } = await rekey('rotate', 'signing-es256', '--watch', '--json')
  assert.equal(code, 4)
  assert.equal(JSON.parse(stdout).code, 'ROTATION_UNDER_WAY')
  assert.equal(JSON.parse(stdout).correlation_id, 'c-9')
  assert.match(stderr, /a rotation is under way \(ROTATION_UNDER_WAY\)/)
})

test('the other acts send what they are told', async () => {
  const reason = ['--reason', 'leaked', '--incident', 'INC-1']
  assert.equal((await rekey('revoke', 'signing-es256', 'a', ...reason)).code, 0)
  assert.equal((await rekey('rollback', 'signing-es256')).code, 0)
  assert.equal((await rekey('prepare', 'signing-es256')).code, 0)
  assert.equal((await rekey('discard', 'signing-es256', 'b')).code, 0)
  assert.deepEqual(requests, [
    'POST /api/v1/keyrings/signing-es256/revoke {"id":"a","reason":"leaked","incident":"INC-1"}',
    'POST /api/v1/keyrings/signing-es256/rollback {}',
    'POST /api/v1/keyrings/signing-es256/prepare {}',
    'POST /api/v1/keyrings/signing-es256/discard {"id":"b"}',
  ])
})

test('status --json has keyrings, verifiers and attention, also from an IdP that knows no issuance', async () => {
  states = [keyring([version('a', 'active')])]
  const { stdout } = await rekey('--json', 'status')
  const status = JSON.parse(stdout)
  assert.deepEqual(Object.keys(status), ['keyrings', 'verifiers', 'attention'])
  assert.equal(status.attention[0].command, 'rekey prepare signing-es256')
})

test('status tells by the newest trust set who missed it', async () => {
  states = [keyring([version('a', 'active'), version('b', 'prepared')])]
  const [longAgo, inAnHour] = [before(60_000), before(-3_600_000)]
  const lease = { behindSince: null, grantedAt: longAgo, seenAt: longAgo, leaseUntil: inAnHour, acceptsUntil: inAnHour }
  parties = {
    newest: { epoch: 1, n: 8 },
    verifiers: [{ id: 'api/1', library: 'rekey/1', revision: { epoch: 1, n: 7 }, algorithms: [], ...lease }],
  }
  const status = JSON.parse((await rekey('status', '--json')).stdout)
  assert.deepEqual(status.newest, { epoch: 1, n: 8 })
  assert.deepEqual(
    status.attention.map(({ since, command }: { since: string; command: string }) => [since, command]),
    [[longAgo, 'rekey verifier forget api/1']],
  )
})

test('an IdP that hangs is given up after 5 s with 3, but a revocation may take longer', async () => {
  silentMs = 6_000
  const start = performance.now()
  const status = rekey('status', '--json').then((ran) => ({ ...ran, tookMs: performance.now() - start }))
  const revocation = rekey('revoke', 'signing-es256', 'a', '--reason', 'leaked')
  const { code, stdout, tookMs } = await status
  assert.equal(code, 3)
  assert.equal(JSON.parse(stdout).code, 'UNREACHABLE')
  assert.match(JSON.parse(stdout).message, /no reply within 5 s/)
  assert.ok(tookMs < silentMs)
  assert.equal((await revocation).code, 0)
})

test('an IdP that is out of service ends with 3 and the code that it gave', async () => {
  refuseWith = [503, { code: 'NO_LEASE', message: 'this instance holds no lease' }]
  const { code, stdout } = await rekey('prepare', 'signing-es256', '--json')
  assert.equal(code, 3)
  assert.equal(JSON.parse(stdout).code, 'NO_LEASE')
})

test('token prints the token alone', async () => {
  assert.equal((await rekey('token')).stdout, 't\n')
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
