import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { one, setOf, strangers, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { poll, polled, startedWith, told } from '../../support/polled.ts'

describe('a forced refresh', { timeout: 20_000 }, () => {
  it('is not content with an answer that was under way when it was asked for', async (t) => {
    const all = await startedWith(t, setOf(one))
    const held = all.server.holdAnswers()
    all.clock.advance(60_000)
    const older = await held.next()
    const refreshed = all.verifier.refresh()
    older.end(JSON.stringify(setOf(one)))
    const newer = await held.next()
    newer.end(JSON.stringify(setOf(two)))
    assert.deepEqual((await refreshed).kids, ['two'])
    assert.equal(all.server.requests, 3)
  })

  it('fetches anew also where what was under way fails', async (t) => {
    const all = await startedWith(t, setOf(one))
    const held = all.server.holdAnswers()
    all.clock.advance(60_000)
    const older = await held.next()
    const refreshed = all.verifier.refresh()
    older.destroy()
    const newer = await held.next()
    newer.end(JSON.stringify(setOf(two)))
    assert.deepEqual((await refreshed).kids, ['two'])
  })

  it('fetches anew each time', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one))
    const held = server.holdAnswers()
    for (const key of [two, one, two]) {
      const refreshed = Promise.all([verifier.refresh(), verifier.refresh()])
      for (const set of [setOf(), setOf(key)]) (await held.next()).end(JSON.stringify(set))
      assert.deepEqual((await refreshed)[1].kids, [key.jwk.kid])
    }
    assert.equal(server.requests, 7)
  })

  it('shares the next fetch with all others that wait, and never runs two at once', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one))
    let open = 0
    let mostOpen = 0
    server.answer = (response) => {
      mostOpen = Math.max(mostOpen, ++open)
      setImmediate(() => {
        open--
        response.end(JSON.stringify(setOf(two)))
      })
    }
    const refreshed = await Promise.all(Array.from({ length: 100 }, () => verifier.refresh()))
    for (const { kids } of refreshed) assert.deepEqual(kids, ['two'])
    assert.equal(server.requests, 3)
    assert.equal(mostOpen, 1)
  })

  it('heeds no cool-down, and begins none where it succeeds', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one))
    await assert.rejects(verifier.authenticate(strangers(1)[0] as string), refused('key_unknown'))
    await verifier.refresh()
    await verifier.refresh()
    assert.equal(server.requests, 4)
    const other = await startedWith(t, setOf(one))
    await other.verifier.refresh()
    other.server.serve(setOf(one, two))
    assert.ok(await other.verifier.authenticate(tokenOf(two)))
  })

  it('begins a cool-down where it fails', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one))
    server.answer = (response) => response.writeHead(503).end()
    await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    server.serve(setOf(one, two))
    clock.jumpWall(9_999)
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('trust_unavailable'))
    assert.equal(server.requests, 2)
    clock.jumpWall(1)
    assert.ok(await verifier.authenticate(tokenOf(two)))
  })

  it('ends the wait for a start that an empty set holds up', async (t) => {
    const { server, verifier, announced } = await polled(t)
    server.serve(setOf())
    const started = verifier.start()
    await until(() => announced.includes('problem jwks_empty'))
    const { kids } = await verifier.refresh()
    assert.deepEqual({ kids, held: verifier.trust.held }, { kids: [], held: false })
    server.serve(setOf(one))
    assert.deepEqual((await verifier.refresh()).added, ['one'])
    await started
    assert.ok(verifier.verify(tokenOf(one)))
  })

  it('takes an empty set for an answer, each time, and the keys of the next one', async (t) => {
    const { server, verifier, sent, announced } = await startedWith(t, setOf(one))
    server.serve(setOf())
    for (const expected of [['one'], []]) {
      const { kids, removed } = await verifier.refresh()
      assert.deepEqual({ kids, removed }, { kids: [], removed: expected })
      assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    }
    for (const token of [tokenOf(one), ...strangers(20)]) {
      await assert.rejects(verifier.authenticate(token), refused('trust_unavailable'))
    }
    assert.equal(sent(), 3)
    server.serve(setOf(one))
    assert.deepEqual((await verifier.refresh()).added, ['one'])
    assert.ok(verifier.verify(tokenOf(one)))
    await told()
    for (const event of ['leaseLost', 'leaseRegained'])
      assert.equal(announced.filter((one) => one === event).length, 1, event)
  })

  it('moves the next poll', async (t) => {
    const all = await startedWith(t, setOf(one))
    all.clock.advance(59_999)
    await all.verifier.refresh()
    await told()
    all.clock.advance(59_999)
    assert.equal(all.sent(), 2)
    await poll(all, 1)
    assert.equal(all.sent(), 3)
  })
})
