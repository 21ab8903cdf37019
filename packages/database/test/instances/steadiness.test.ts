import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceRow } from '../../src/instances/row.ts'
import { liveAmong, Steadiness } from '../../src/instances/steadiness.ts'

const leaseMs = 5_000
const at = (monotonic: number) => ({ wall: 0, monotonic })

/** Readings of a database's clock: what it read, and our monotonic clock before and after. */
function afterReadings(...readings: [now: number, sentMs: number, receivedMs: number][]): Steadiness {
  const steadiness = new Steadiness()
  for (const [now, sent, received] of readings) steadiness.read(now, at(sent), at(received))
  return steadiness
}

describe('the clock of the database', () => {
  it('is believed while it goes as fast as ours', () => {
    const steadiness = afterReadings([100_000, 0, 10], [101_000, 1_000, 1_005], [102_450, 2_000, 2_001])
    assert.equal(steadiness.doubtMs(leaseMs, at(2_001)), 0)
  })

  it('is doubted after small steps that come to a large one', () => {
    const steadiness = afterReadings([100_000, 0, 10], [101_400, 1_000, 1_005], [102_800, 2_000, 2_001])
    assert.equal(steadiness.doubtMs(leaseMs, at(2_001)), leaseMs)
  })

  it('is believed at the first reading, whatever it says', () => {
    assert.equal(afterReadings([100_000, 0, 10]).doubtMs(leaseMs, at(10)), 0)
  })

  it('is believed when an answer took long and it may have been read at any moment of that', () => {
    const steadiness = afterReadings([100_000, 0, 10], [104_900, 1_000, 5_000], [105_000, 5_001, 5_002])
    assert.equal(steadiness.doubtMs(leaseMs, at(5_002)), 0)
  })

  for (const [which, now] of Object.entries({ ahead: 107_000, back: 40_000 })) {
    it(`is in doubt for as long as a lease after it stepped ${which}`, () => {
      const steadiness = afterReadings([100_000, 0, 10], [now, 1_000, 1_010], [now + 1_000, 2_000, 2_001])
      assert.equal(steadiness.doubtMs(leaseMs, at(1_010)), leaseMs)
      assert.equal(steadiness.doubtMs(leaseMs, at(6_009)), 1)
      assert.equal(steadiness.doubtMs(leaseMs, at(6_010)), 0)
      assert.equal(steadiness.doubtMs(15_000, at(6_010)), 10_000)
    })
  }
})

describe('the time of the database', () => {
  it('goes on with our monotonic clock from when the last reading was asked for', () => {
    const steadiness = afterReadings([100_000, 0, 10], [101_000, 1_000, 1_005])
    assert.deepEqual([steadiness.now(1_005), steadiness.now(1_700)], [101_005, 101_700])
  })

  it('does not go back when a reading was answered sooner than the one before', () => {
    const steadiness = afterReadings([100_000, 0, 400])
    assert.equal(steadiness.now(400), 100_400)
    steadiness.read(100_300, at(600), at(601))
    assert.deepEqual([steadiness.now(601), steadiness.now(699), steadiness.now(750)], [100_400, 100_400, 100_450])
  })

  it('is told by the answer that came quickest, not by one that took long', () => {
    const steadiness = afterReadings([100_000, 0, 1], [101_700, 1_000, 1_800])
    assert.equal(steadiness.now(1_800), 101_800)
  })

  it('follows a step that is too small to be doubted', () => {
    const steadiness = afterReadings([100_000, 0, 1], [101_400, 1_000, 1_001])
    assert.equal(steadiness.now(1_001), 101_400)
  })

  it('goes back with the clock of the database when that was set back', () => {
    const steadiness = afterReadings([3_700_000, 0, 10])
    assert.equal(steadiness.now(10), 3_700_010)
    steadiness.read(101_000, at(1_000), at(1_001))
    assert.equal(steadiness.now(1_001), 101_001)
  })
})

describe('a lease that ends later than it can have been granted', () => {
  const now = 1_000_000
  const row = (leaseUntil: number) => ({ id: 'a', address: 'http://a', applied: 1, startedAt: 0, leaseUntil })

  it('shows that the clock was set back, although two readings agree: it was set ahead in between', () => {
    const steadiness = afterReadings([now - 1_000, 0, 1], [now, 1_000, 1_001])
    steadiness.readLeases([row(now + leaseMs)], now, at(1_001))
    assert.equal(steadiness.doubtMs(leaseMs, at(1_001)), 0)
    steadiness.readLeases([row(now + 60_000)], now, at(1_001))
    assert.equal(steadiness.doubtMs(leaseMs, at(1_001)), leaseMs)
  })

  it('shows it once: whoever is alive renews it, and for the dead nobody waits twice', () => {
    const steadiness = afterReadings()
    steadiness.readLeases([row(now + 60_000)], now, at(1_000))
    steadiness.readLeases([row(now + 60_000)], now + 4_000, at(5_000))
    assert.equal(steadiness.doubtMs(leaseMs, at(6_000)), 0)
    steadiness.readLeases([row(now + 70_000)], now + 5_000, at(6_000))
    assert.equal(steadiness.doubtMs(leaseMs, at(6_000)), leaseMs)
  })
})

describe('who has to be waited for', () => {
  const now = 1_000_000
  const row = (id: string, leaseUntil: number): InstanceRow => ({
    id,
    address: id,
    applied: 1,
    startedAt: 0,
    leaseUntil,
  })
  const rows = [
    row('dead', now),
    row('alive', now + 1),
    row('fresh', now + leaseMs),
    row('renewed before a small step back', now + leaseMs + 500),
    row('impossible', now + leaseMs + 501),
  ]

  it('are those whose lease is not over, and could have been granted by this clock', () => {
    assert.deepEqual(
      liveAmong(rows, now, 0).map(({ id }) => id),
      ['alive', 'fresh', 'renewed before a small step back'],
    )
  })

  it('are all of them in doubt, at least until that is over', () => {
    assert.deepEqual(
      liveAmong(rows, now, 3_000).map(({ id, leaseUntil }) => [id, leaseUntil - now]),
      [
        ['dead', 3_000],
        ['alive', 3_000],
        ['fresh', leaseMs],
        ['renewed before a small step back', leaseMs + 500],
        ['impossible', leaseMs + 501],
      ],
    )
  })
})
