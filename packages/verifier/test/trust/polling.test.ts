import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { createVerifier, type JwksPollingOptions, jwksPolling } from '../../src/index.ts'
import { HandClock } from '../support/clock.ts'
import { one, setOf, tokenOf, two } from '../support/estate.ts'
import { JwksServer } from '../support/jwks-server.ts'
import { AUDIENCE, ISSUER, makeKey, NOW_MS, refused } from '../support/keys.ts'

async function polled(t: TestContext, options: Partial<JwksPollingOptions> = {}) {
  const server = await JwksServer.listen()
  const clock = new HandClock(NOW_MS)
  const limits = { refreshMs: 60_000, ceilingMs: 600_000, coolDownMs: 10_000, ...options }
  const trust = jwksPolling({ jwksUri: server.url, clock, random: () => 0, ...limits })
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], clock, trust })
  t.after(async () => {
    await verifier.close()
    await server.close()
  })
  return { server, clock, verifier }
}

describe('trust by polling', { timeout: 20_000 }, () => {
  it('fetches ahead, and each fetch replaces the set', async (t) => {
    const { server, clock, verifier } = await polled(t)
    server.serve(setOf(one))
    await verifier.start()
    assert.ok(verifier.verify(tokenOf(one)))
    server.serve(setOf(two))
    const removed = once(verifier, 'keyRemoved')
    clock.advance(60_000)
    assert.deepEqual(await removed, ['one'])
    assert.ok(verifier.verify(tokenOf(two)))
    assert.throws(() => verifier.verify(tokenOf(one)), refused('key_retired'))
  })

  for (const { title, headers, fetchedAfterMs } of [
    {
      title: 'sooner where the max-age is shorter',
      headers: { 'cache-control': 'public, max-age=30' },
      fetchedAfterMs: 30_000,
    },
    {
      title: 'sooner still by what a cache on the way used up',
      headers: { 'cache-control': 'max-age=30', age: '12' },
      fetchedAfterMs: 18_000,
    },
    { title: 'no sooner than the cool-down', headers: { 'cache-control': 'max-age=0' }, fetchedAfterMs: 10_000 },
    {
      title: 'as often as it was told where the max-age is longer',
      headers: { 'cache-control': 'max-age=86400' },
      fetchedAfterMs: 60_000,
    },
    {
      title: 'as often as it was told where the max-age is none',
      headers: { 'cache-control': 's-maxage=30, max-age=x' },
      fetchedAfterMs: 60_000,
    },
  ]) {
    it(`fetches ${title}`, async (t) => {
      let fetches = 0
      const counted: typeof fetch = (...request) => {
        fetches += 1
        return fetch(...request)
      }
      const { server, clock, verifier } = await polled(t, { fetch: counted })
      server.answer = (response) => response.writeHead(200, headers).end(JSON.stringify(setOf(one)))
      await verifier.start()
      clock.advance(fetchedAfterMs - 1)
      assert.equal(fetches, 1)
      clock.advance(1)
      assert.equal(fetches, 2)
    })
  }

  it('uses the last set while the endpoint is down, until the ceiling', async (t) => {
    const { server, clock, verifier } = await polled(t)
    server.serve(setOf(one))
    await verifier.start()
    server.answer = (response) => response.writeHead(503).end()
    const problem = once(verifier, 'problem')
    clock.advance(60_000)
    assert.equal((await problem)[0].code, 'jwks_failed')
    clock.advance(539_999)
    assert.ok(verifier.verify(tokenOf(one)))
    clock.advance(1)
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    assert.equal(verifier.trust.held, false)
  })

  it('starts when the endpoint finally answers', async (t) => {
    const { server, clock, verifier } = await polled(t)
    const started = verifier.start()
    for (let tries = 0; tries < 3; tries++) {
      await once(verifier, 'problem')
      if (tries === 2) server.serve(setOf(one))
      // Half of a pause that doubles: the test's random number is 0.
      clock.advance(500 * 2 ** tries)
    }
    await started
  })

  it('looks once for an unknown kid, and not again before the cool-down is over', async (t) => {
    const { server, clock, verifier } = await polled(t)
    server.serve(setOf(one))
    await verifier.start()
    clock.advance(10_000)
    server.serve(setOf(one, two))
    assert.throws(() => verifier.verify(tokenOf(two)), refused('key_unknown'))
    const tokens = await Promise.all([verifier.authenticate(tokenOf(two)), verifier.authenticate(tokenOf(two))])
    assert.equal(tokens.length, 2)
    assert.equal(server.requests, 2)
    for (let i = 0; i < 20; i++) {
      const stranger = tokenOf(makeKey('ES256', `random-${i}`))
      await assert.rejects(verifier.authenticate(stranger), refused('key_unknown'))
    }
    assert.equal(server.requests, 2)
  })

  it('counts failed fetches for the cool-down too', async (t) => {
    const { server, clock, verifier } = await polled(t)
    server.serve(setOf(one))
    await verifier.start()
    clock.advance(10_000)
    server.answer = (response) => response.writeHead(500).end()
    for (let i = 0; i < 20; i++) await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    assert.equal(server.requests, 2)
  })

  it('a refresh by hand rejects when the fetch failed, and keeps the set', async (t) => {
    const { server, verifier } = await polled(t, { maxBytes: 2000 })
    server.serve(setOf(one))
    await verifier.start()
    const answers: Record<string, typeof server.answer> = {
      'an error': (response) => response.writeHead(500).end(),
      'a redirect': (response) => response.writeHead(302, { location: server.url }).end(),
      'no JSON': (response) => response.writeHead(200).end('<html>'),
      'no set': (response) => response.writeHead(200).end('{"keys":{}}'),
      'too much': (response) => response.writeHead(200).end(JSON.stringify({ keys: [], pad: 'x'.repeat(2000) })),
      'half an answer': (response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('{"keys":')
        response.destroy()
      },
    }
    for (const answer of Object.values(answers)) {
      server.answer = answer
      await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    }
    assert.ok(verifier.verify(tokenOf(one)))
    server.serve(setOf(two))
    const { added, removed } = await verifier.refresh()
    assert.deepEqual({ added, removed }, { added: ['two'], removed: ['one'] })
  })

  it('gives up on an endpoint that does not answer in time', async (t) => {
    const { server, clock, verifier } = await polled(t, { timeoutMs: 3000 })
    const asked = new Promise<void>((resolve) => {
      server.answer = () => resolve()
    })
    const refreshed = verifier.refresh()
    await asked
    clock.advance(3000)
    await assert.rejects(refreshed, refused('jwks_failed'))
  })

  it('refuses options that are not sound', () => {
    const jwksUri = 'https://idp.example.com/jwks.json'
    assert.ok(jwksPolling({ jwksUri }))
    const wrong = [
      { jwksUri: 'http://idp.example.com/jwks.json' },
      { jwksUri: undefined },
      { jwksUri, refreshMs: 0 },
      { jwksUri, refreshMs: 10_000, ceilingMs: 10_000 },
      { jwksUri, maxBytes: Number.NaN },
    ]
    for (const options of wrong) assert.throws(() => jwksPolling(options as never), TypeError)
  })
})
