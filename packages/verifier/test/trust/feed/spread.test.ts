import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeEstate, one, setOf, startWith, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'

const SPREAD_MS = 1_000
/** The estate draws 0.5 every time. */
const DRAWN_MS = SPREAD_MS / 2

describe('an event that many verifiers hear', { timeout: 20_000 }, () => {
  it('is applied at once and acknowledged within the span that the issuer names', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one, two])
    feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'], acknowledgeWithinMs: SPREAD_MS })
    await until(() => estate.verifier.trust.revision?.n === 2)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('key_revoked'))
    estate.clock.advance(DRAWN_MS - 1)
    assert.equal(estate.issuer.leases.size, 0)
    estate.clock.advance(1)
    assert.equal((await estate.issuer.leases.next()).body.n, 2)
  })

  it('puts no renewal off, however many follow it: the first moment drawn stands, and acknowledges the newest', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one, two])
    for (let n = 2; n <= 6; n += 1) {
      feed.send({ epoch: 1, n, full: false, jwks: setOf(one), acknowledgeWithinMs: SPREAD_MS })
      await until(() => estate.verifier.trust.revision?.n === n)
      estate.clock.advance(DRAWN_MS / 5)
    }
    assert.equal((await estate.issuer.leases.next()).body.n, 6)
    await until(() => estate.verifier.trust.ageMs === 0)
    assert.equal(estate.issuer.leases.size, 0)
    estate.clock.advance(5_000)
    assert.equal((await estate.issuer.leases.next()).body.n, 6)
  })

  it('is acknowledged within 2 s even where the issuer names a longer span', async (t) => {
    const estate = await makeEstate(t, { random: () => 1 })
    const feed = await startWith(estate, [one])
    feed.send({ epoch: 1, n: 2, full: false, jwks: setOf(two), acknowledgeWithinMs: 60_000 })
    await until(() => estate.verifier.trust.revision?.n === 2)
    estate.clock.advance(2_000)
    assert.equal((await estate.issuer.leases.next()).body.n, 2)
  })

  it('is not applied when its span is no count', async (t) => {
    for (const acknowledgeWithinMs of [-1, '10', 1.5, null]) {
      const estate = await makeEstate(t)
      const feed = await startWith(estate, [one])
      feed.send({ epoch: 1, n: 2, full: true, jwks: setOf(two), acknowledgeWithinMs })
      await feed.closed
      assert.equal(estate.verifier.trust.revision?.n, 1)
    }
  })
})
