import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { after, test } from 'node:test'
import { Load } from '../../src/load/run.ts'
import { noon } from '../keyring.ts'
import { unsignedToken } from './token.ts'

const servers: ReturnType<typeof createServer>[] = []

after(() => {
  for (const server of servers) server.close().closeAllConnections()
})

test('a load without trouble counts every request and the keys that signed', async () => {
  const load = await loadOn(
    issuing(() => 'a'),
    (_request, response) => response.end('{}'),
  )
  await fire(load, 100)
  const { requests, failures, kids, p99Ms } = load.tally.summary
  assert.deepEqual({ requests, failures, kids }, { requests: 100, failures: {}, kids: ['a'] })
  assert.ok(p99Ms > 0)
})

test('a refusal is a failure with status, code and server', async () => {
  const load = await loadOn(
    issuing(() => 'a'),
    refusing('key_unknown'),
  )
  await fire(load, 10)
  const [[cause, count] = []] = Object.entries(load.tally.summary.failures)
  assert.match(cause ?? '', /^401 key_unknown api http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(count, 8)
})

test('a server that is not there is a failure with the reason', async () => {
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const url = urlOf(gone)
  gone.close()
  await once(gone, 'close')
  const load = loadOf(await listen(issuing(() => 'a')), url)
  await fire(load, 10)
  assert.deepEqual(Object.keys(load.tally.summary.failures), [`ECONNREFUSED api ${url}`])
})

test('tokens of a revoked key that are refused are no failures, and are not sent again', async () => {
  let kid = 'a'
  const refused: string[] = []
  const load = await loadOn(
    issuing(() => kid),
    (request, response) => {
      const sent = kidOf(request.headers.authorization)
      if (kid === 'a' || sent === 'b') return response.end('{}')
      refused.push(sent)
      return refusing('key_revoked')(request, response)
    },
  )
  await fire(load, 20)
  kid = 'b'
  await fire(load, 50)
  const { failures, revokedRefusals, kids } = load.tally.summary
  assert.deepEqual(failures, {})
  assert.deepEqual(kids, ['a', 'b'])
  assert.equal(revokedRefusals, refused.length)
  assert.ok(refused.length >= 1 && refused.length <= 2)
})

test('an IdP that goes on signing with a revoked key is a failure', async () => {
  const load = await loadOn(
    issuing(() => 'a'),
    refusing('key_revoked'),
  )
  await fire(load, 30)
  const causes = Object.keys(load.tally.summary.failures)
  assert.equal(causes.length, 1)
  assert.match(causes[0] ?? '', /^token signed by a revoked key/)
})

test('token requests go to every instance in turn, and to the next one when one is not there or cannot serve', async () => {
  const served = [0, 0]
  const counting = (index: 0 | 1): RequestListener => {
    return (request, response) => {
      served[index] = (served[index] ?? 0) + 1
      issuing(() => 'a')(request, response)
    }
  }
  const away = 'http://127.0.0.1:1'
  const unavailable = await listen((_request, response) => response.writeHead(503).end('{}'))
  const idps = [await listen(counting(0)), away, unavailable, await listen(counting(1))]
  const load = loadOf(idps, await listen((_request, response) => response.end('{}')))
  await fire(load, 200)
  const { failures, retries, requests } = load.tally.summary
  assert.deepEqual(failures, {})
  // Of 40 token requests a quarter began at each: those at the second one had two retries, those at the third one.
  assert.deepEqual([requests, served, retries], [200, [10, 30], 30])
})

test('a token request that no instance serves is one failure', async () => {
  const unavailable: RequestListener = (_request, response) => response.writeHead(503).end('{"error":"out of service"}')
  const idps = [await listen(unavailable), await listen(unavailable)]
  const load = loadOf(idps, await listen((_request, response) => response.end('{}')))
  await fire(load, 2)
  const { failures, retries } = load.tally.summary
  assert.deepEqual(
    [failures, retries],
    [{ [`503 out of service token ${idps[1]}`]: 1, [`503 out of service token ${idps[0]}`]: 1 }, 2],
  )
})

function issuing(kid: () => string): RequestListener {
  return (_request, response) => {
    response.end(JSON.stringify({ access_token: unsignedToken(kid(), noon + 3_600_000) }))
  }
}

function refusing(code: string): RequestListener {
  return (_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end(JSON.stringify({ code }))
  }
}

async function loadOn(idp: RequestListener, api: RequestListener): Promise<Load> {
  return loadOf(await listen(idp), await listen(api))
}

function loadOf(idp: string | string[], api: string): Load {
  const agent = { clientId: 'agent', clientSecret: 'secret' }
  return new Load({
    idps: [idp].flat(),
    apis: [api],
    agent,
    now: () => noon,
    monotonic: () => performance.now(),
    random: Math.random,
  })
}

/** One after the other, so that it is certain what is known when the next one is chosen. */
async function fire(load: Load, count: number): Promise<void> {
  for (let fired = 0; fired < count; fired += 1) {
    load.fire()
    await load.settle()
  }
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return urlOf(server)
}

function urlOf(server: ReturnType<typeof createServer>): string {
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

function kidOf(authorization = ''): string {
  const header = Buffer.from(authorization.slice('Bearer '.length).split('.')[0] ?? '', 'base64url').toString()
  return (JSON.parse(header) as { kid: string }).kid
}
