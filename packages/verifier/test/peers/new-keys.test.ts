import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { one, setOf, tokenOf, two } from '../support/estate.ts'
import { makeKey, refused } from '../support/keys.ts'
import { poll, startedWith } from '../support/polled.ts'

const DEFAULTS = { refreshMs: 300_000, ceilingMs: 3_600_000, coolDownMs: 10_000 }

describe('a key that was published a moment ago', { timeout: 20_000 }, () => {
  // jose 6.2 refuses a new kid until its cache is 30 s old, openid-client with its checks until it is 60 s old.
  it('is accepted at the first token by it although the cache is young', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    clock.advance(1)
    server.serve(setOf(one, two))
    assert.ok(await verifier.authenticate(tokenOf(two)))
    assert.equal(verifier.trust.ageMs, 0)
  })

  it('is accepted at the first token by it although the set was polled just before it was published', async (t) => {
    const all = await startedWith(t, setOf(one), DEFAULTS)
    await poll(all, 300_000)
    all.server.serve(setOf(one, two))
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => all.verifier.tryAuthenticate(tokenOf(two))))
    assert.ok(outcomes.every(({ ok }) => ok))
    assert.equal(all.sent(), 3)
  })

  it('is accepted at the first token by it although the set was fetched by force just before it was published', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    await verifier.refresh()
    server.serve(setOf(one, two))
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('is accepted at the first tokens by it where a poll under way brings the set from before', async (t) => {
    const { server, clock, verifier, sent } = await startedWith(t, setOf(one), DEFAULTS)
    const held = server.holdAnswers()
    clock.advance(300_000)
    const older = await held.next()
    const accepted = Promise.all(Array.from({ length: 50 }, () => verifier.authenticate(tokenOf(two))))
    server.serve(setOf(one, two))
    older.end(JSON.stringify(setOf(one)))
    await accepted
    assert.equal(sent(), 3)
  })

  it('is accepted at the latest when the cool-down is over that another kid began', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    await assert.rejects(verifier.authenticate(tokenOf(makeKey('ES256', 'nobody'))), refused('key_unknown'))
    server.serve(setOf(one, two))
    let waitedMs = 0
    while (!(await verifier.tryAuthenticate(tokenOf(two))).ok) {
      clock.advance(1_000)
      waitedMs += 1_000
    }
    assert.equal(waitedMs, 10_000)
  })

  // oidc-provider keeps a client's jwks_uri for at least 60 s and does not look again for an unknown kid: invalid_client.
  it('is accepted a second after it was published, by a set that is kept for five minutes', async (t) => {
    const { server, clock, verifier, sent } = await startedWith(t, setOf(one), DEFAULTS)
    clock.advance(120_000)
    server.serve(setOf(one, two))
    clock.advance(1_000)
    assert.ok(await verifier.authenticate(tokenOf(two)))
    assert.equal(sent(), 2)
  })

  it('is accepted half a minute later where it was asked for before it was published', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    clock.advance(10_000)
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    server.serve(setOf(one, two))
    clock.advance(30_000)
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('is accepted without waiting for an unknown kid where the set was polled meanwhile', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    server.serve(setOf(one, two))
    await verifier.refresh()
    assert.ok(verifier.verify(tokenOf(two)))
  })
})
