import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type ClientHttp2Stream, connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { expressGuard, expressInternal } from '../../src/adapters/express.ts'
import { fastifyGuard, fastifyInternal } from '../../src/adapters/fastify.ts'
import { fetchGuard } from '../../src/adapters/fetch.ts'
import { honoInternal } from '../../src/adapters/hono.ts'
import { ask } from '../support/ask.ts'
import { makeCertificate } from '../support/certificate.ts'
import { one } from '../support/estate.ts'
import { compact, goodClaims } from '../support/keys.ts'
import { makeSteered } from '../support/steered.ts'

/** A token that is bound to a client certificate. */
function boundTo(der: Uint8Array): string {
  const x5t = createHash('sha256').update(der).digest('base64url')
  return compact(one, { ...goodClaims(), cnf: { 'x5t#S256': x5t } }, { typ: 'at+jwt' })
}

const SECRET = 's3cret'
const DENY = '/internal/auth/deny'
const env = { INTERNAL_JWKS_REFRESH_TOKEN: SECRET }
const denial = {
  method: 'POST',
  headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
  body: '{"entries":[{"jti":"j-1"}]}',
}
const DEFECT = { authenticate: () => Promise.reject(new TypeError('a defect')) }

describe('in Fastify', { timeout: 20_000 }, () => {
  it('the internal endpoints leave the parsers of the application alone, and do not need them', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const app = Fastify()
    t.after(() => app.close())
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, { own: body }))
    await app.register(fastifyInternal(verifier, { env }))
    app.post('/echo', async ({ body }) => body)
    const headers = { 'content-type': 'text/plain' }
    const echo = await app.inject({ method: 'POST', url: '/echo', headers, body: 'text' })
    assert.deepEqual(echo.json(), { own: 'text' })
    assert.equal((await app.inject({ ...denial, method: 'POST', url: DENY })).statusCode, 200)
  })

  it('the internal endpoints can be given a prefix', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const app = Fastify()
    t.after(() => app.close())
    app.register(fastifyInternal(verifier, { env }), { prefix: '/ops' })
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    assert.equal((await ask(`${origin}/ops${DENY}`, denial)).status, 200)
    assert.equal((await ask(origin + DENY, denial)).status, 404)
  })

  it('a body that is too large is answered over HTTP/2, too', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const app = Fastify({ http2: true })
    app.register(fastifyInternal(verifier, { env }))
    app.get('/hello', { onRequest: fastifyGuard(verifier) }, async () => 'never')
    const client = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
    t.after(async () => {
      // The other way round the application waits for its client on Node 20.
      client.destroy()
      await app.close()
    })
    const statusOf = async (stream: ClientHttp2Stream) => (await once(stream.resume(), 'response'))[0][':status']
    assert.equal(await statusOf(client.request({ ':path': '/hello' })), 401)
    const large = client.request({ ':method': 'POST', ':path': DENY, ...denial.headers })
    large.end(' '.repeat(3 * 1_048_576))
    assert.equal(await statusOf(large), 413)
  })

  it('the guard works as a preHandler too, and hands defects to the error handler', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    app.setErrorHandler((error, _request, reply) => reply.code(500).send({ caught: (error as Error).name }))
    app.post('/x', { preHandler: fastifyGuard(DEFECT) }, async () => 'never')
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/x', headers: denial.headers, body: '{}' })
    assert.deepEqual([statusCode, body], [500, '{"caught":"TypeError"}'])
  })
})

describe('in Express and Connect', { timeout: 20_000 }, () => {
  it('the internal endpoints can be mounted under a prefix, behind a parser of text', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const app = express().use(
      express.text({ type: '*/*' }),
      express.Router().use('/ops', expressInternal(verifier, { env })),
    )
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    assert.equal((await ask(`${origin}/ops${DENY}`, denial)).status, 200)
    assert.equal((await ask(origin + DENY, denial)).status, 404)
  })

  it('defects go to next, since not every version waits for promises', async () => {
    const told: unknown[] = []
    const request = {
      method: 'POST',
      url: '/internal/auth/jwks/refresh',
      rawHeaders: [],
      headers: denial.headers,
      socket: {},
    }
    const next = (error?: unknown) => told.push((error as Error).name)
    await expressGuard(DEFECT)(request as never as IncomingMessage, {} as ServerResponse, next)
    const broken = {
      refresh: () => Promise.reject(new RangeError()),
      deny: DEFECT.authenticate,
      allow: DEFECT.authenticate,
    }
    const internal = expressInternal({ ...broken, denied: () => [] }, { env })
    await internal(request as never as IncomingMessage, {} as ServerResponse, next)
    assert.deepEqual(told, ['TypeError', 'RangeError'])
  })
})

describe('in Hono', () => {
  it('the internal endpoints read a body that somebody has read before', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const app = new Hono()
    app.use(async (c, next) => {
      await c.req.text()
      await next()
    })
    app.use(honoInternal(verifier, { env }))
    assert.equal((await app.request(DENY, denial)).status, 200)
    assert.equal((await app.request(DENY, { ...denial, body: '{' })).status, 400)
  })
})

describe('with the Fetch API', () => {
  it('the guard takes the certificate from whoever knows the connection', async (t) => {
    const { verifier } = await makeSteered(t, one)
    const certificate = makeCertificate().der
    const guard = fetchGuard(verifier)
    const request = new Request('https://api.example.com/', {
      headers: { authorization: `Bearer ${boundTo(certificate)}` },
    })
    assert.equal((await guard(request, certificate)).refusal, undefined)
    const { refusal } = await guard(request, makeCertificate().der)
    assert.match(String(await refusal?.text()), /certificate_mismatch/)
  })
})
