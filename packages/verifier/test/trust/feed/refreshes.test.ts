import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeEstate, one, setOf, startWith, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { told } from '../../support/polled.ts'

describe('refreshes of a feed', { timeout: 20_000 }, () => {
  it('do not cut each other off, however fast they come: one is under way, and all others share the next', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const first = estate.verifier.refresh()
    const opened = await estate.issuer.feeds.next()
    const others: Promise<unknown>[] = []
    for (let i = 0; i < 150; i++) {
      estate.clock.advance(20)
      others.push(estate.verifier.refresh())
    }
    await told()
    opened.send({ epoch: 1, n: 2, full: true, jwks: setOf(one, two) })
    assert.deepEqual((await first).added, ['two'])
    const next = await estate.issuer.feeds.next()
    assert.equal(next.lastEventId, undefined)
    next.send({ epoch: 1, n: 3, full: true, jwks: setOf(two) })
    for (const refreshed of await Promise.all(others)) {
      assert.deepEqual((refreshed as { removed: unknown }).removed, ['one'])
    }
    assert.equal(estate.issuer.feeds.size, 0)
    assert.deepEqual(estate.problems, [])
  })

  it('are answered by the next connection where theirs breaks', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const refreshed = estate.verifier.refresh()
    const problem = new Promise((resolve) => estate.verifier.once('problem', resolve))
    ;(await estate.issuer.feeds.next()).end()
    await problem
    estate.clock.advance(1_000)
    const again = await estate.issuer.feeds.next()
    assert.equal(again.lastEventId, undefined)
    again.send({ epoch: 1, n: 2, full: true, jwks: setOf(two) })
    assert.deepEqual((await refreshed).kids, ['two'])
  })

  it('are not answered by a change, but by the whole set', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const refreshed = estate.verifier.refresh()
    const opened = await estate.issuer.feeds.next()
    opened.send({ epoch: 1, n: 2, full: false, jwks: setOf(one, two) })
    opened.send({ epoch: 1, n: 3, full: true, jwks: setOf(two) })
    assert.deepEqual((await refreshed).removed, ['one'])
  })

  it('give up after ten seconds, each for itself: the next one is asked all the same', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const unanswered = assert.rejects(estate.verifier.refresh(), refused('feed_failed'))
    const waiting = estate.verifier.refresh()
    await estate.issuer.feeds.next()
    estate.clock.advance(10_000)
    await unanswered
    const again = await estate.issuer.feeds.next()
    again.send({ epoch: 1, n: 2, full: true, jwks: setOf(two) })
    assert.deepEqual((await waiting).kids, ['two'])
  })

  it('are over at once where the verifier is closed, and leave no timer behind', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const underWay = assert.rejects(estate.verifier.refresh(), refused('verifier_closed'))
    const waiting = assert.rejects(estate.verifier.refresh(), refused('verifier_closed'))
    await estate.issuer.feeds.next()
    const closed = estate.verifier.close()
    await Promise.all([underWay, waiting])
    await closed
    assert.equal(estate.clock.pending, 0)
    await assert.rejects(estate.verifier.refresh(), refused('verifier_closed'))
    assert.equal(estate.clock.pending, 0)
  })

  it('are over at once also where nothing was ever started', async (t) => {
    const { clock, verifier } = await makeEstate(t)
    const refreshed = assert.rejects(verifier.refresh(), refused('verifier_closed'))
    await verifier.close()
    await refreshed
    assert.equal(clock.pending, 0)
  })
})
