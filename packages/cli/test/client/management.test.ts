import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, beforeEach, test } from 'node:test'
import { ManagementClient } from '../../src/client/management.ts'
import { type CliError, exitCodeOf, messageOf } from '../../src/error.ts'

interface Seen {
  path: string
  authorization: string | undefined
  body: string
}

let seen: Seen[] = []
let answer: (path: string, response: ServerResponse) => void = () => undefined
let now = 0
let refusesTokensOf = ''
const server = createServer(async (request, response) => {
  const path = request.url ?? ''
  seen.push({ path, authorization: request.headers.authorization, body: await bodyOf(request) })
  if (path !== '/api/v1/token') return answer(path, response)
  const tokens = seen.filter((entry) => entry.path === path).length
  const asked = new URLSearchParams(seen.at(-1)?.body).get('scope')?.split(' ')
  if (refusesTokensOf !== '' && asked?.includes(refusesTokensOf)) {
    return response.writeHead(400).end('{"error":"invalid_scope"}')
  }
  response.end(JSON.stringify({ access_token: `opaque-${tokens}`, expires_in: 3600 }))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const idp = `http://127.0.0.1:${(server.address() as { port: number }).port}`

const read = {
  method: 'GET',
  path: '/keyrings',
  scope: 'keyrings:read',
  failure: 'the keyrings cannot be read',
} as const

after(() => server.close().closeAllConnections())

beforeEach(() => {
  seen = []
  refusesTokensOf = ''
  now = 1_000_000
  answer = (_path, response) => response.end('{"done":true}')
})

test('a call asks for exactly the scope that it needs, with the administrator’s credential', async () => {
  assert.deepEqual(await client('a:b', 'c d').call(read), { done: true })
  const [token, call] = seen
  assert.equal(token?.body, 'grant_type=client_credentials&scope=keyrings%3Aread')
  // RFC 6749, 2.3.1: both halves are form-encoded.
  assert.equal(Buffer.from(token?.authorization?.slice(6) ?? '', 'base64').toString(), 'a%3Ab:c+d')
  assert.equal(call?.authorization, 'Bearer opaque-1')
})

test('a token is used again until shortly before it runs out', async () => {
  const management = client()
  await management.call(read)
  now += 3_500_000
  await management.call(read)
  now += 90_000
  await management.call(read)
  assert.deepEqual(
    seen.filter(({ path }) => path !== '/api/v1/token').map(({ authorization }) => authorization),
    ['Bearer opaque-1', 'Bearer opaque-1', 'Bearer opaque-2'],
  )
})

test('a command that needs several scopes asks for them at once, and one by one when it may not have all', async () => {
  const write = { ...read, method: 'POST', scope: 'keyrings:write' } as const
  const estate = { idp, apis: [], admin: { clientId: 'a', clientSecret: 'b' } }
  const scopes = () =>
    seen.filter(({ path }) => path === '/api/v1/token').map(({ body }) => new URLSearchParams(body).get('scope'))
  const together = new ManagementClient(estate, shell(), ['keyrings:read', 'keyrings:write'])
  for (const call of [read, write, read, { ...read, scope: 'agents:read' } as const]) await together.call(call)
  assert.deepEqual(scopes(), ['keyrings:read keyrings:write', 'agents:read'])
  seen = []
  refusesTokensOf = 'keyrings:write'
  const restricted = new ManagementClient(estate, shell(), ['keyrings:read', 'keyrings:write'])
  await restricted.call(read)
  await assert.rejects(restricted.call(write), (error: CliError) => error.facts.code === 'invalid_scope')
  await restricted.call(read)
  assert.deepEqual(scopes(), ['keyrings:read keyrings:write', 'keyrings:read', 'keyrings:write'])
})

test('a token that is refused is thrown away', async () => {
  const management = client()
  answer = (_path, response) => response.writeHead(401).end('{"code":"INVALID_TOKEN","message":"no"}')
  await assert.rejects(management.call(read))
  answer = (_path, response) => response.end('{}')
  await management.call(read)
  assert.equal(seen.at(-1)?.authorization, 'Bearer opaque-2')
})

test('a refusal carries the server’s code, message and correlation id, and the exit code of its kind', async () => {
  const cases = [
    [409, 4],
    [423, 4],
    [429, 4],
    [403, 4],
    [404, 1],
    [500, 1],
    [503, 3],
  ] as const
  for (const [status, exitCode] of cases) {
    const body = {
      code: 'ROTATION_UNDER_WAY',
      message: 'a rotation is under way',
      correlation_id: 'c-1',
      details: { a: 1 },
    }
    answer = (_path, response) => response.writeHead(status).end(JSON.stringify(body))
    await assert.rejects(client().call(read), (error: CliError) => {
      assert.equal(error.message, 'the keyrings cannot be read: a rotation is under way (ROTATION_UNDER_WAY)')
      assert.deepEqual(error.facts, { code: body.code, status, details: { a: 1 }, correlation_id: 'c-1' })
      assert.equal(exitCodeOf(error), exitCode)
      return true
    })
  }
})

test('what does not fit a request is said member by member', async () => {
  const details = [{ path: '/events/0', message: '"credential.nope" is no event' }]
  answer = (_path, response) =>
    response.writeHead(400).end(JSON.stringify({ code: 'INVALID_REQUEST', message: 'it does not fit', details }))
  const management = new ManagementClient({ idp, apis: [], admin: { clientId: 'a', clientSecret: 'b' } }, shell())
  await assert.rejects(management.call(read), {
    message: 'the keyrings cannot be read: it does not fit (INVALID_REQUEST)\n/events/0: "credential.nope" is no event',
  })
})

test('an error page of a proxy is told by its status', async () => {
  answer = (_path, response) => response.writeHead(502).end('<html>')
  await assert.rejects(client().call(read), {
    message: 'the keyrings cannot be read: the server answered 502 (HTTP_502)',
  })
})

test('a server that is not there ends with 3 and its address', async () => {
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const url = `http://127.0.0.1:${(gone.address() as { port: number }).port}`
  gone.close()
  await once(gone, 'close')
  const unreachable = new ManagementClient({ idp: url, apis: [], admin: { clientId: 'a', clientSecret: 'b' } }, shell())
  await assert.rejects(unreachable.call(read), (error: CliError) => {
    assert.equal(error.message, `${url} cannot be reached: ECONNREFUSED`)
    return exitCodeOf(error) === 3
  })
})

test('why a server cannot be reached is said once', async () => {
  // A port that fetch refuses to connect to.
  const admin = { clientId: 'a', clientSecret: 'b' }
  const unreachable = new ManagementClient({ idp: 'http://127.0.0.1:1', apis: [], admin }, shell())
  await assert.rejects(unreachable.call(read), (error: CliError) => {
    assert.equal(messageOf(error), 'http://127.0.0.1:1 cannot be reached: fetch failed: bad port')
    return true
  })
})

test('a server that takes a call and then says nothing, or only half, ends with 3 when its time is over', async () => {
  const hung = { ...read, replyWithinMs: 50 }
  const silences = [
    () => undefined,
    (_path: string, response: ServerResponse) => response.writeHead(200).flushHeaders(),
    (_path: string, response: ServerResponse) => response.writeHead(503).write('{"code":'),
  ]
  for (const silence of silences) {
    answer = silence
    await assert.rejects(client().call(hung), (error: CliError) => {
      assert.match(error.message, /^GET http:\/\/127\.0\.0\.1:\d+\/api\/v1\/[\w/]+: no reply within 0\.05 s$/)
      return exitCodeOf(error) === 3
    })
  }
})

test('another instance is asked when the first one is not there or cannot serve, and the one that answered stays', async () => {
  const tokens = JSON.stringify({ access_token: 'opaque', expires_in: 3600 })
  const out = createServer((request, response) => {
    if (request.url === '/api/v1/token') return response.end(tokens)
    return response.writeHead(503).end('{"code":"NO_LEASE","message":"this instance holds no lease"}')
  })
  const asked = async (first: string) => {
    const estate = { idp: first, idps: [first, idp], apis: [], admin: { clientId: 'a', clientSecret: 'b' } }
    const management = new ManagementClient(estate, shell())
    const before = seen.length
    await management.call({ ...read, method: 'POST' })
    await management.call(read)
    return seen.slice(before).map(({ path }) => path)
  }
  out.listen(0, '127.0.0.1')
  await once(out, 'listening')
  const first = `http://127.0.0.1:${(out.address() as { port: number }).port}`
  assert.deepEqual(await asked(first), ['/api/v1/keyrings', '/api/v1/keyrings'])
  out.close().closeAllConnections()
  await once(out, 'close')
  assert.deepEqual(await asked(first), ['/api/v1/token', '/api/v1/keyrings', '/api/v1/keyrings'])
})

test('what may have been done already is not done again at another instance', async () => {
  const second = { ...read, replyWithinMs: 200 }
  const cut = createServer((request, response) => {
    if (request.url === '/api/v1/token') response.end('{"access_token":"opaque","expires_in":3600}')
    else request.socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(cut, 'listening')
  const first = `http://127.0.0.1:${(cut.address() as { port: number }).port}`
  const estate = { idp: first, idps: [first, idp], apis: [], admin: { clientId: 'a', clientSecret: 'b' } }
  const management = new ManagementClient(estate, shell())
  await assert.rejects(management.call({ ...second, method: 'POST' }), (error: CliError) => exitCodeOf(error) === 3)
  assert.equal(seen.length, 0)
  assert.deepEqual(await management.call({ ...second, method: 'POST', repeatable: true }), { done: true })
  assert.deepEqual(await management.call(second), { done: true })
  cut.close().closeAllConnections()
})

function client(clientId = 'admin', clientSecret = 'secret'): ManagementClient {
  return new ManagementClient({ idp, apis: [], admin: { clientId, clientSecret } }, shell())
}

function shell(): { fetch: typeof fetch; now: () => number } {
  return { fetch, now: () => now }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

test('a backend that has a token of its own is asked by that, and the IdP by one of its', async () => {
  const credential = { clientId: 'a', clientSecret: 'b' }
  const estate = { idp, apis: [], admin: credential, bff: idp, bffToken: 'of the backend' }
  const management = new ManagementClient(estate, { fetch, now: () => now })
  await management.call({ ...read, of: 'bff', path: '/internal/keyrings' })
  await management.call(read)
  assert.deepEqual(
    seen.filter(({ path }) => path.endsWith('/keyrings')).map(({ path, authorization }) => [path, authorization]),
    [
      ['/internal/keyrings', 'Bearer of the backend'],
      ['/api/v1/keyrings', 'Bearer opaque-1'],
    ],
  )
})
