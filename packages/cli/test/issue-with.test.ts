import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { after, beforeEach, test } from 'node:test'
import type { IssuanceView } from '../src/client/issuance.ts'
import { before, keyring, version } from './keyring.ts'
import { run } from './shell.ts'

// An IdP that plays back how a move of issuance goes on. The whole against real parts: see several.test.ts.
let states: IssuanceView[] = []
let requests: string[] = []
let refuseWith: [number, object] | undefined
let onRead = (): void => undefined

const rs256 = {
  ...keyring([version('r', 'active'), version('s', 'prepared')]),
  name: 'signing-rs256',
  algorithm: 'RS256',
}
const server = createServer(async (request, response) => {
  const line = `${request.method} ${request.url} ${await bodyOf(request)}`.trim()
  if (!line.includes('/api/v1/token')) requests.push(line)
  const [status, body] = line.includes('/api/v1/token') ? [200, { access_token: 't', expires_in: 60 }] : reply(line)
  response.writeHead(status).end(body === undefined ? '' : JSON.stringify(body))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const idp = `http://127.0.0.1:${(server.address() as { port: number }).port}`
const env = { REKEY_IDP: idp, REKEY_CLIENT_ID: 'admin', REKEY_CLIENT_SECRET: 'secret' }

function reply(line: string): [number, unknown] {
  if (!line.startsWith('GET') && refuseWith) return refuseWith
  if (line.startsWith('DELETE')) return [204, undefined]
  if (line.startsWith('POST')) return [201, { clientId: 'c-1', clientSecret: 'sk_live_1', name: 'billing' }]
  if (line.includes('/keyrings/')) return [200, rs256]
  if (line.startsWith('PUT')) return [202, states[0]]
  onRead()
  return [200, states.length > 1 ? states.shift() : states[0]]
}

const es256 = { keyring: 'signing-es256', algorithm: 'ES256', revision: 4, confirmed: true }
const waiting = { for: ['verifier api-7/1 to allow RS256'], opensAt: null }
const move = { to: 'signing-rs256', algorithm: 'RS256', requestedAt: before(9), by: 'admin', forced: false, waiting }
const asked = { ...es256, move }
const due = { ...es256, move: { ...move, waiting: { for: [], opensAt: null } } }
const moved = { keyring: 'signing-rs256', algorithm: 'RS256', revision: 5, confirmed: false }
const confirmed = { ...moved, confirmed: true }

after(() => server.close().closeAllConnections())

beforeEach(() => {
  requests = []
  refuseWith = undefined
  onRead = () => undefined
  states = [confirmed]
})

test('issue-with shows whom it waits for and returns the keyring when every instance signs by it', async () => {
  states = [asked, due, moved, confirmed]
  const { code, stdout, stderr } = await run(['issue-with', 'signing-rs256', '--reason', 'HSM', '--json'], env)
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), rs256)
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    'done: the move to signing-rs256 is asked for',
    'every live verifier holds its key and allows its algorithm: waiting for verifier api-7/1 to allow RS256; opens as ' +
      'soon as that is confirmed',
    'done: every live verifier holds its key and allows its algorithm',
    'done: every live instance signs with signing-rs256',
  ])
  assert.equal(requests[0], 'PUT /api/v1/issuance {"keyring":"signing-rs256","reason":"HSM"}')
})

test('force is sent, and without --json one line says by what tokens are signed', async () => {
  const { code, stdout } = await run(['issue-with', 'signing-rs256', '--force'], env)
  assert.deepEqual([code, stdout], [0, 'Access tokens are signed by signing-rs256 (RS256): r is active.\n'])
  assert.equal(requests[0], 'PUT /api/v1/issuance {"keyring":"signing-rs256","force":true}')
})

test('verifiers that do not allow the algorithm refuse the move with 4, are named, and so are the ways out', async () => {
  const details = { algorithm: 'RS256', verifiers: ['api-7/1', 'api-9/1'] }
  const message = 'api-7/1, api-9/1 would refuse every token'
  refuseWith = [409, { code: 'ALGORITHM_UNSUPPORTED', message, details, correlation_id: 'c-9' }]
  const { code, stdout, stderr } = await run(['issue-with', 'signing-rs256', '--json'], env)
  assert.equal(code, 4)
  const printed = JSON.parse(stdout)
  assert.deepEqual([printed.code, printed.details], ['ALGORITHM_UNSUPPORTED', details])
  assert.match(stderr, /api-7\/1, api-9\/1 would refuse every token/)
  assert.match(stderr, /let api-7\/1 and api-9\/1 allow it/)
  assert.match(stderr, /rekey verifier forget api-9\/1/)
  assert.match(stderr, /rekey issue-with signing-rs256 --force/)
})

test('an unknown keyring is a failure with its code', async () => {
  refuseWith = [404, { code: 'UNKNOWN_KEYRING', message: 'there is no keyring signing-none' }]
  const { code, stdout } = await run(['issue-with', 'signing-none', '--json'], env)
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 'UNKNOWN_KEYRING'])
})

test('a move that somebody withdraws is a failure, and no reason to wait for ever', async () => {
  states = [asked, es256]
  const { code, stderr } = await run(['issue-with', 'signing-rs256'], env)
  assert.equal(code, 1)
  assert.match(stderr, /the move to signing-rs256 was withdrawn: signing-es256 goes on signing/)
  states = [asked, { ...es256, move: { ...move, to: 'signing-ps256' } }]
  assert.match(
    (await run(['issue-with', 'signing-rs256'], env)).stderr,
    /a move to signing-ps256 was asked for instead/,
  )
})

test('Ctrl-C leaves the move asked for, and says so', async () => {
  states = [asked]
  const interruption = new AbortController()
  onRead = () => interruption.abort()
  const { code, stderr } = await run(['issue-with', 'signing-rs256'], env, { interrupted: interruption.signal })
  assert.equal(code, 1)
  assert.match(stderr, /no longer watching; the move to signing-rs256 stays asked for/)
  assert.ok(!requests.some((line) => line.startsWith('DELETE')))
})

test('verifier create prints the credential once', async () => {
  const { code, stdout } = await run(['verifier', 'create', 'billing', '--json'], env)
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), { clientId: 'c-1', clientSecret: 'sk_live_1', name: 'billing' })
  assert.deepEqual(requests, ['POST /api/v1/verifiers {"name":"billing"}'])
  assert.match((await run(['verifier', 'create', 'billing'], env)).stdout, /sk_live_1 {3}\(shown only now\)/)
})

test('verifier forget names the process in one piece', async () => {
  const { code, stdout } = await run(['verifier', 'forget', 'api-1/8081'], env)
  assert.equal(code, 0)
  assert.match(stdout, /^api-1\/8081 is forgotten/)
  assert.deepEqual(requests, ['DELETE /api/v1/verifiers/api-1%2F8081'])
  refuseWith = [404, { code: 'UNKNOWN_VERIFIER', message: 'there is no verifier api-9/1' }]
  const unknown = await run(['verifier', 'forget', 'api-9/1', '--json'], env)
  assert.deepEqual([unknown.code, JSON.parse(unknown.stdout).code], [1, 'UNKNOWN_VERIFIER'])
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
