import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { one, setOf, stranger, tokenOf, two } from '../support/estate.ts'
import { refused } from '../support/keys.ts'
import { startedWith } from '../support/polled.ts'

describe('tokens that name random keys', { timeout: 20_000 }, () => {
  // jose 6.2, aws-jwt-verify 5.2 and PyJWT throttle by good answers alone: 50 fetches for 50 tokens.
  it('cost one fetch per cool-down while the endpoint is down', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    server.answer = (response) => response.writeHead(503).end()
    for (let coolDowns = 1; coolDowns <= 3; coolDowns++) {
      for (let i = 0; i < 50; i++)
        await assert.rejects(verifier.authenticate(stranger(i)), refused('trust_unavailable'))
      assert.equal(server.requests, 1 + coolDowns)
      clock.jumpWall(10_000)
    }
  })

  it('cost no more while the endpoint hangs, and are all answered when its time is over', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    const held = server.holdAnswers()
    const answered = Array.from({ length: 50 }, (_, i) =>
      assert.rejects(verifier.authenticate(stranger(i)), refused('trust_unavailable')),
    )
    await held.next()
    clock.advance(5_000)
    await Promise.all(answered)
    assert.equal(server.requests, 2)
  })

  // jwks-rsa 4 and get-jwks 11.0 fetch for every one of them by default.
  it('cost one fetch per cool-down while the endpoint works', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    for (let coolDowns = 1; coolDowns <= 3; coolDowns++) {
      for (let i = 0; i < 50; i++) await assert.rejects(verifier.authenticate(stranger(i)), refused('key_unknown'))
      assert.equal(server.requests, 1 + coolDowns)
      clock.jumpWall(10_000)
    }
  })

  // node-jwks-rsa#385: an outage of the issuer becomes everybody's outage.
  it('delay no good token: a known key is accepted at once while the endpoint hangs', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    const held = server.holdAnswers()
    const waiting = assert.rejects(verifier.authenticate(stranger(1)), refused('trust_unavailable'))
    await held.next()
    for (let i = 0; i < 100; i++) assert.ok(await verifier.authenticate(tokenOf(one)))
    clock.advance(5_000)
    await waiting
    assert.equal(server.requests, 2)
  })

  it('do not keep a new key out: it is found by the next fetch that is allowed', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    await assert.rejects(verifier.authenticate(stranger(1)), refused('key_unknown'))
    server.serve(setOf(one, two))
    clock.jumpWall(10_000)
    const outcomes = await Promise.all([
      verifier.tryAuthenticate(stranger(2)),
      verifier.tryAuthenticate(tokenOf(two)),
      verifier.tryAuthenticate(stranger(3)),
    ])
    assert.deepEqual(
      outcomes.map(({ ok }) => ok),
      [false, true, false],
    )
  })
})
