import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { fastifyGuard, guard, type VerifiedToken } from '../../src/index.ts'
import { type Estate, makeEstate, one, setOf, startWith, tokenOf, two } from '../support/estate.ts'
import { compact, goodClaims } from '../support/keys.ts'
import { until } from '../support/mailbox.ts'

async function serveFastify(t: TestContext, { verifier }: Estate): Promise<string> {
  const app = Fastify()
  app.get('/hello', { preHandler: fastifyGuard(verifier) }, (request) => {
    const { token } = request as typeof request & { token: VerifiedToken }
    return { hello: token.payload.sub }
  })
  t.after(() => app.close())
  return `${await app.listen({ port: 0, host: '127.0.0.1' })}/hello`
}

async function serveHttp(t: TestContext, { verifier }: Estate): Promise<string> {
  const server = createServer(
    guard(verifier, (request, response) => response.end(JSON.stringify({ hello: request.token.payload.sub }))),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hello`
}

async function ask(url: string, authorization?: string) {
  const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } })
  const body = (await response.json()) as Record<string, string>
  const { headers, status } = response
  return { status, body, challenge: headers.get('www-authenticate'), retryAfter: headers.get('retry-after') }
}

for (const [name, serve] of Object.entries({ fastifyGuard: serveFastify, guard: serveHttp })) {
  describe(name, { timeout: 20_000 }, () => {
    it('lets a good token through, whatever the case of the scheme', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = await serve(t, estate)
      for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
        const { status, body } = await ask(url, `${scheme} ${tokenOf(one)}`)
        assert.deepEqual({ status, body }, { status: 200, body: { hello: 'agent-1' } })
      }
    })

    it('answers 401 with a bare challenge when there is no bearer token', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = await serve(t, estate)
      for (const authorization of [
        undefined,
        '',
        'Bearer',
        'Bearer ',
        `Basic ${tokenOf(one)}`,
        `Bearers ${tokenOf(one)}`,
      ]) {
        const { status, body, challenge } = await ask(url, authorization)
        assert.deepEqual(
          { status, code: body.code, challenge },
          { status: 401, code: 'token_missing', challenge: 'Bearer' },
        )
      }
      assert.equal((await ask(`${url}?access_token=${tokenOf(one)}`)).body.code, 'token_missing')
    })

    it('answers 401 and says why when the token is at fault', async (t) => {
      const estate = await makeEstate(t)
      const feed = await startWith(estate, [one, two])
      const url = await serve(t, estate)
      const expired = compact(one, { ...goodClaims(), exp: 1 }, { typ: 'at+jwt' })
      const unnamed = compact(one, { ...goodClaims(), exp: undefined }, { typ: 'at+jwt' })
      const expected = {
        [expired]: 'token_expired',
        [unnamed]: 'claim_missing',
        garbage: 'token_malformed',
        'a b': 'token_malformed',
      }
      for (const [token, code] of Object.entries(expected)) {
        const { status, body, challenge } = await ask(url, `Bearer ${token}`)
        assert.deepEqual({ status, code: body.code }, { status: 401, code })
        assert.equal(challenge, `Bearer error="invalid_token", error_description="${body.message}"`)
      }
      feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'] })
      await until(() => estate.verifier.trust.revokedKids.length === 1)
      assert.equal((await ask(url, `Bearer ${tokenOf(one)}`)).body.code, 'key_revoked')
    })

    it('repeats nothing of the token in its answer', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = await serve(t, estate)
      const nasty = compact(one, goodClaims(), { kid: '"><marquee>', typ: 'at+jwt' })
      const { body, challenge } = await ask(url, `Bearer ${nasty}`)
      assert.equal(body.code, 'key_unknown')
      assert.doesNotMatch(`${JSON.stringify(body)}${challenge}`, /marquee/)
    })

    it('answers 503 with Retry-After while trust is unavailable, since the token may be good', async (t) => {
      const estate = await makeEstate(t)
      const url = await serve(t, estate)
      const { status, body, challenge, retryAfter } = await ask(url, `Bearer ${tokenOf(one)}`)
      assert.deepEqual(
        { status, code: body.code, challenge, retryAfter },
        {
          status: 503,
          code: 'trust_unavailable',
          challenge: null,
          retryAfter: '1',
        },
      )
      const started = estate.verifier.start()
      ;(await estate.issuer.feeds.next()).send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
      await started
      assert.equal((await ask(url, `Bearer ${tokenOf(one)}`)).status, 200)
    })
  })
}
