import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { momentOf } from '../../../src/clock.ts'
import { Lease } from '../../../src/trust/feed/lease.ts'
import { HandClock } from '../../support/clock.ts'
import { heard, makeEstate, one, setOf, startWith, tokenOf, two } from '../../support/estate.ts'
import { NOW_MS, refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import type { LeaseRequest } from '../../support/trust-issuer.ts'

const grant = (asked: LeaseRequest, leaseSeconds = 15) =>
  asked.reply(200, { epoch: asked.body.epoch, n: asked.body.n, leaseSeconds })

describe('the lease', { timeout: 20_000 }, () => {
  it('is renewed every five seconds', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    for (let n = 0; n < 3; n++) {
      feed.write(': alive\n')
      await until(() => estate.verifier.trust.leaseLeftMs === 15_000)
      estate.clock.advance(4999)
      assert.equal(estate.issuer.leases.size, 0)
      estate.clock.advance(1)
      await estate.issuer.leases.next()
    }
  })

  it('runs from the sending of the renewal, not from its answer', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    estate.issuer.answersLeases = false
    estate.clock.advance(5000)
    const asked = await estate.issuer.leases.next()
    estate.clock.advance(4000)
    grant(asked)
    await until(() => estate.verifier.trust.leaseLeftMs === 11_000)
    estate.clock.advance(10_999)
    assert.ok(estate.verifier.verify(tokenOf(one)))
    estate.clock.advance(1)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
  })

  it('is lost and regained aloud', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    estate.issuer.answersLeases = false
    const lost = heard(estate.verifier, 'leaseLost')
    estate.clock.advance(15_000)
    await lost
    const regained = new Promise<void>((resolve) => estate.verifier.once('leaseRegained', resolve))
    estate.issuer.answersLeases = true
    while (!estate.verifier.trust.held) {
      estate.clock.advance(500)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await regained
    assert.ok(estate.verifier.verify(tokenOf(one)))
  })

  it('is over by the wall clock when the machine was suspended', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    estate.clock.jumpWall(14_999)
    assert.ok(estate.verifier.verify(tokenOf(one)))
    estate.clock.jumpWall(1)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    assert.equal(estate.verifier.trust.leaseLeftMs, 0)
  })

  it('is not extended by a wall clock that was set back', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    estate.issuer.answersLeases = false
    estate.clock.jumpWall(-60_000)
    assert.equal(estate.verifier.trust.leaseLeftMs, 15_000)
    estate.clock.advance(15_000)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
  })

  it('is governed by the renewal sent last, in whatever order the answers arrive', () => {
    const clock = new HandClock(NOW_MS)
    const lease = new Lease(clock, 'fail-closed')
    const earlier = momentOf(clock)
    clock.advance(1000)
    const later = momentOf(clock)
    lease.earn(later, 15_000)
    lease.earn(earlier, 60_000)
    assert.equal(lease.leftMs, 15_000)
    clock.advance(14_999)
    lease.earn(earlier, 15_000)
    assert.equal(lease.leftMs, 1)
    clock.advance(1)
    assert.equal(lease.leftMs, 0)
  })

  it('is acknowledged anew for each change, also while a renewal is still under way', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    estate.issuer.answersLeases = false
    feed.send({ epoch: 1, n: 2, full: false })
    const earlier = await estate.issuer.leases.next()
    estate.clock.advance(1000)
    feed.send({ epoch: 1, n: 3, full: false })
    const later = await estate.issuer.leases.next()
    assert.deepEqual([earlier.body.n, later.body.n], [2, 3])
    assert.equal(estate.verifier.trust.leaseLeftMs, 14_000)
    grant(earlier)
    grant(later)
    await until(() => estate.verifier.trust.leaseLeftMs === 15_000)
  })

  it('is not renewed by a zero: the newest set is fetched anew after a second, then acknowledged', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    estate.issuer.answersLeases = false
    estate.clock.advance(4500)
    feed.send({ epoch: 1, n: 2, full: false })
    const asked = await estate.issuer.leases.next()
    asked.reply(200, { epoch: 1, n: 9, leaseSeconds: 0 })
    // The zero has been read once the next step is arranged; time passes in small steps until it was taken.
    while (estate.issuer.feeds.size === 0) {
      estate.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const again = await estate.issuer.feeds.next()
    assert.equal(again.lastEventId, undefined)
    assert.ok(estate.verifier.trust.leaseLeftMs < 15_000 - 4500)
    estate.issuer.answersLeases = true
    again.send({ epoch: 1, n: 9, full: true, jwks: setOf(two) })
    await until(() => estate.verifier.trust.revision?.n === 9 && estate.verifier.trust.leaseLeftMs === 15_000)
    assert.ok(estate.verifier.verify(tokenOf(two)))
  })

  for (const [what, status, body] of [
    ['a refused credential', 401, { code: 'invalid_client' }],
    ['an issuer without a lease of its own', 503, {}],
    ['a reply that is no lease', 200, { ok: true }],
    ['a lease of no sensible length', 200, { epoch: 1, n: 1, leaseSeconds: 1e9 }],
    ['an issuer that knows less than we do', 200, { epoch: 0, n: 99, leaseSeconds: 15 }],
  ] as const) {
    it(`is not renewed by ${what}, which is said, and tried again a second later`, async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      estate.issuer.answersLeases = false
      estate.clock.advance(4999)
      const problem = heard(estate.verifier, 'problem')
      estate.clock.advance(1)
      // The silent feed is reopened at the same moment, which is a problem of its own.
      await problem
      const refusal = heard(estate.verifier, 'problem')
      ;(await estate.issuer.leases.next()).reply(status, body)
      assert.match((await refusal)[0].code, /lease_refused|revision_backwards/)
      assert.equal(estate.verifier.trust.leaseLeftMs, 10_000)
      await until(() => {
        estate.clock.advance(100)
        return estate.issuer.leases.size > 0
      })
      assert.ok(estate.verifier.trust.leaseLeftMs <= 9_000)
    })
  }
})

describe('last known good', { timeout: 20_000 }, () => {
  const onLeaseLost = { lastKnownGood: { ceilingMs: 60_000 } }

  it('goes on after the lease up to the ceiling, counted from the sending of the last renewal', async (t) => {
    const estate = await makeEstate(t, { onLeaseLost })
    await startWith(estate, [one])
    estate.issuer.answersLeases = false
    const lost = heard(estate.verifier, 'leaseLost')
    estate.clock.advance(59_999)
    await lost
    assert.ok(estate.verifier.verify(tokenOf(one)))
    assert.equal(estate.verifier.trust.leaseLeftMs, 0)
    estate.clock.advance(1)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
  })

  it('tells the issuer its ceiling', async (t) => {
    const estate = await makeEstate(t, { onLeaseLost })
    const feed = await startWith(estate, [one])
    feed.send({ epoch: 1, n: 2, full: false })
    const { mode, ceilingSeconds } = (await estate.issuer.leases.next()).body
    assert.deepEqual({ mode, ceilingSeconds }, { mode: 'last-known-good', ceilingSeconds: 60 })
  })

  it('keeps refusing what was revoked, with a lease, without one, and beyond the ceiling', async (t) => {
    const estate = await makeEstate(t, { onLeaseLost })
    const feed = await startWith(estate, [one, two])
    const revoked = heard(estate.verifier, 'keyRevoked')
    feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'] })
    await revoked
    estate.issuer.answersLeases = false
    for (const ms of [0, 30_000, 60_000]) {
      estate.clock.advance(ms)
      assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('key_revoked'))
    }
  })
})
