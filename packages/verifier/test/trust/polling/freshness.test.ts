import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { one, setOf, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { poll, polled, startedWith } from '../../support/polled.ts'

describe('polling behind caches', { timeout: 20_000 }, () => {
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
    {
      title: 'as often as it was told where the age is none',
      headers: { 'cache-control': 'max-age=60', age: '-12' },
      fetchedAfterMs: 60_000,
    },
  ]) {
    it(`fetches ${title}`, async (t) => {
      const { server, clock, verifier, sent } = await polled(t)
      server.serve(setOf(one), headers)
      await verifier.start()
      clock.advance(fetchedAfterMs - 1)
      assert.equal(sent(), 1)
      clock.advance(1)
      assert.equal(sent(), 2)
    })
  }

  it('asks every cache on the way to go and look', async (t) => {
    const { server, verifier } = await polled(t, { headers: { 'X-Caller': 'orders', 'Cache-Control': 'x' } })
    server.serve(setOf(one))
    await verifier.start()
    await verifier.refresh()
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('key_unknown'))
    for (let request = 0; request < 3; request++) {
      const { headers } = await server.arrived.next()
      assert.equal(headers['cache-control'], 'no-cache')
      assert.equal(headers['x-caller'], 'orders')
    }
  })

  it('does not take a withdrawn key back from a copy that a cache made before', async (t) => {
    const all = await startedWith(t, setOf(one, two))
    all.server.serve(setOf(two))
    await poll(all)
    all.server.serve(setOf(one, two), { 'cache-control': 'max-age=86400', age: '63' })
    assert.equal(await poll(all), 'jwks_failed')
    await assert.rejects(all.verifier.refresh(), refused('jwks_failed'))
    assert.throws(() => all.verifier.verify(tokenOf(one)), refused('key_retired'))
    all.server.serve(setOf(one, two), { 'cache-control': 'max-age=86400', age: '3' })
    await all.verifier.refresh()
    assert.ok(all.verifier.verify(tokenOf(one)))
  })

  it('takes the same copy as often as a cache serves it within its max-age', async (t) => {
    const all = await startedWith(t, setOf(one), { ceilingMs: 120_000 })
    for (const age of ['60', '120', '181', '239']) {
      all.server.serve(setOf(one), { 'cache-control': 'max-age=86400', age })
      assert.equal(await poll(all), 'ok')
      assert.equal(all.verifier.trust.leaseLeftMs, 120_000)
    }
  })

  it('takes an older copy that says the same: of two caches one may have asked the issuer long before the other', async (t) => {
    const set = { keys: [...setOf(one).keys, { kty: 'FUTURE', kid: 'of no use' }] }
    const all = await startedWith(t, set, { ceilingMs: 120_000 })
    for (const age of ['3', '20000', '60', '20060']) {
      all.server.serve(set, { 'cache-control': 'max-age=86400', age })
      assert.equal(await poll(all), 'ok')
      assert.equal(all.verifier.trust.leaseLeftMs, 120_000)
    }
    all.server.serve(setOf(one, two), { 'cache-control': 'max-age=86400', age: '20120' })
    assert.equal(await poll(all), 'jwks_failed')
  })

  it('takes off the ceiling what a cache served beyond the max-age, as it does when it cannot reach the issuer', async (t) => {
    const all = await startedWith(t, setOf(one))
    let pauseMs = 60_000
    for (const { age, leftMs } of [
      { age: '60', leftMs: 600_000 },
      { age: '70', leftMs: 590_000 },
      { age: '80', leftMs: 580_000 },
    ]) {
      all.server.serve(setOf(one), { 'cache-control': 'max-age=60', age })
      assert.equal(await poll(all, pauseMs), 'ok')
      assert.equal(all.verifier.trust.leaseLeftMs, leftMs)
      // Of a max-age that is used up nothing is left but the cool-down.
      pauseMs = 10_000
    }
  })

  it('takes as much off the ceiling, and in the end all, where a cache that tells no max-age goes on with an old copy', async (t) => {
    const all = await startedWith(t, setOf(one))
    for (const { age, leftMs } of [
      { age: '600', leftMs: 600_000 },
      { age: '700', leftMs: 500_000 },
      { age: '1199', leftMs: 1_000 },
    ]) {
      all.server.serve(setOf(one), { age })
      await all.verifier.refresh()
      assert.equal(all.verifier.trust.leaseLeftMs, leftMs)
    }
    for (const age of ['1200', '172800', '9'.repeat(12), '172800, 3']) {
      all.server.serve(setOf(one), { age })
      await assert.rejects(all.verifier.refresh(), refused('jwks_failed'))
    }
    all.clock.advance(1_000)
    assert.throws(() => all.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
  })

  it('does not start with a copy that was to be thrown away longer ago than the ceiling', async (t) => {
    const { server, clock, verifier, announced } = await polled(t)
    server.serve(setOf(one), { 'cache-control': 'max-age=60', age: '660' })
    const started = verifier.start()
    await server.arrived.next()
    while (!announced.includes('problem jwks_failed')) await new Promise(setImmediate)
    assert.equal(verifier.trust.held, false)
    server.serve(setOf(one), { 'cache-control': 'max-age=60, s-maxage=600', age: '660' })
    clock.advance(500)
    await started
    assert.equal(verifier.trust.leaseLeftMs, 540_000)
  })
})
