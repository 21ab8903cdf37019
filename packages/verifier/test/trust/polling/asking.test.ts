import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { jwksPolling } from '../../../src/index.ts'
import { idleContext } from '../../../src/trust/source.ts'
import { one, setOf, strangers, tokenOf, two } from '../../support/estate.ts'
import { compact, goodClaims, makeKey, refused } from '../../support/keys.ts'
import { poll, polled, startedWith } from '../../support/polled.ts'

describe('looking again for a kid', { timeout: 20_000 }, () => {
  it('is one fetch for all that ask at once, and none before the cool-down is over', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    server.serve(setOf(one, two))
    assert.throws(() => verifier.verify(tokenOf(two)), refused('key_unknown'))
    const tokens = await Promise.all(Array.from({ length: 50 }, () => verifier.authenticate(tokenOf(two))))
    assert.equal(tokens.length, 50)
    assert.equal(server.requests, 2)
    clock.advance(9_999)
    for (const token of strangers(20)) await assert.rejects(verifier.authenticate(token), refused('key_unknown'))
    assert.equal(server.requests, 2)
    clock.advance(1)
    for (const token of strangers(20)) await assert.rejects(verifier.authenticate(token), refused('key_unknown'))
    assert.equal(server.requests, 3)
  })

  it('is a fetch of its own right after the start, and does not join that of the start', async (t) => {
    const { server, clock } = await polled(t)
    server.serve(setOf(one))
    const source = jwksPolling({ jwksUri: server.url, clock })
    t.after(() => source.close())
    await source.start({ ...idleContext, algorithms: ['ES256'] })
    assert.equal(await source.lookAgain('two'), true)
    assert.equal(server.requests, 2)
    assert.equal(await source.lookAgain('three'), false)
  })

  it('is not done while a poll that failed cools down, which is sent again by itself', async (t) => {
    const all = await startedWith(t, setOf(one))
    all.server.answer = (response) => response.writeHead(503).end()
    assert.equal(await poll(all), 'jwks_failed')
    for (const token of strangers(20)) {
      await assert.rejects(all.verifier.authenticate(token), refused('trust_unavailable'))
    }
    assert.equal(all.sent(), 2)
  })

  it('counts failed fetches for the cool-down, and says that nobody knows', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one))
    server.answer = (response) => response.writeHead(500).end()
    for (let i = 0; i < 20; i++) {
      await assert.rejects(verifier.authenticate(tokenOf(two)), refused('trust_unavailable'))
    }
    assert.equal(server.requests, 2)
    assert.ok(await verifier.authenticate(tokenOf(one)))
  })

  it('costs one fetch per cool-down for 10,000 random kids while the endpoint is down', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), { unknownKidMs: 1 })
    server.answer = (response) => response.writeHead(503).end()
    const tokens = strangers(10_000)
    for (let fetches = 1; fetches <= 3; fetches++) {
      const outcomes = await Promise.allSettled(tokens.map((token) => verifier.authenticate(token)))
      for (const outcome of outcomes) {
        assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'trust_unavailable')
      }
      for (const token of tokens.slice(0, 100)) {
        await assert.rejects(verifier.authenticate(token), refused('trust_unavailable'))
      }
      assert.equal(server.requests, 1 + fetches)
      // The wall clock alone: no retry of our own is due by it.
      clock.jumpWall(10_000)
    }
  })

  it('remembers for a while that a good answer did not list the kid', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    assert.equal(server.requests, 2)
    server.serve(setOf(one, two))
    clock.advance(29_999)
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    assert.equal(server.requests, 2)
    clock.advance(1)
    assert.ok(await verifier.authenticate(tokenOf(two)))
    assert.equal(server.requests, 3)
  })

  it('remembers nothing of a kid where the fetch failed', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    server.answer = (response) => response.writeHead(503).end()
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('trust_unavailable'))
    server.serve(setOf(one, two))
    clock.jumpWall(10_000)
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('remembers nothing of a kid that came while a fetch was under way: its answer may be older', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    const held = server.holdAnswers()
    clock.advance(60_000)
    const older = await held.next()
    const [known, second] = strangers(2) as [string, string]
    const refusedNow = assert.rejects(verifier.authenticate(known), refused('key_unknown'))
    const refusedToo = assert.rejects(verifier.authenticate(second), refused('key_unknown'))
    const joined = assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    older.end(JSON.stringify(setOf(one)))
    // The first of them had it fetched once more, and the others waited for that.
    ;(await held.next()).end(JSON.stringify(setOf(one)))
    await Promise.all([refusedNow, refusedToo, joined])
    assert.equal(server.requests, 3)
    server.serve(setOf(one, two))
    clock.advance(10_000)
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('tells what a fetch under way said, also where none may follow it', async (t) => {
    const { server, clock, verifier, sent } = await startedWith(t, setOf(one))
    server.answer = (response) => response.writeHead(503).end()
    await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    const held = server.holdAnswers()
    clock.advance(500)
    const answer = await held.next()
    const refusals = strangers(20).map((token) => assert.rejects(verifier.authenticate(token), refused('key_unknown')))
    answer.end(JSON.stringify(setOf(one)))
    await Promise.all(refusals)
    assert.equal(sent(), 3)
  })

  it('goes on calling a remembered kid unknown while the endpoint is down, and a withdrawn one retired', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one, two))
    server.serve(setOf(one))
    await verifier.refresh()
    const [known, other] = strangers(2) as [string, string]
    await assert.rejects(verifier.authenticate(known), refused('key_unknown'))
    server.answer = (response) => response.writeHead(503).end()
    await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    assert.throws(() => verifier.verify(known), refused('key_unknown'))
    assert.throws(() => verifier.verify(other), refused('trust_unavailable'))
    assert.throws(() => verifier.verify(tokenOf(two)), refused('key_retired'))
    clock.jumpWall(30_000)
    assert.throws(() => verifier.verify(known), refused('trust_unavailable'))
    server.serve(setOf(one))
    await verifier.refresh()
    assert.throws(() => verifier.verify(other), refused('key_unknown'))
  })

  it('is done for withdrawn kids by the same rules', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one, two))
    server.serve(setOf(one))
    await verifier.refresh()
    for (let i = 0; i < 3; i++) await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_retired'))
    assert.equal(server.requests, 3)
    server.serve(setOf(one, two))
    clock.advance(30_000)
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('costs a token without a kid the same', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(makeKey('RS256')), {
      algorithms: ['ES256', 'RS256'],
    })
    const anonymous = compact(one, goodClaims(), { typ: 'at+jwt', kid: undefined })
    for (let i = 0; i < 5; i++) await assert.rejects(verifier.authenticate(anonymous), refused('key_unknown'))
    assert.equal(server.requests, 2)
    server.serve(setOf(one))
    clock.advance(10_000)
    assert.ok(await verifier.authenticate(anonymous))
  })

  it('is never a fetch of a source that was closed', async () => {
    const source = jwksPolling({ jwksUri: 'https://idp.example.com', fetch: () => assert.fail('it fetched') })
    await source.close()
    assert.equal(await source.lookAgain('one'), false)
    await assert.rejects(source.start(idleContext), refused('verifier_closed'))
  })
})
