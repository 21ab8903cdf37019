import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { leaseLeftMs, momentOf } from '../../src/instances/lease.ts'

const leaseMs = 5_000
const at = (wall: number, monotonic: number) => ({ wall: () => wall, monotonic: () => monotonic })
const earned = momentOf(at(1_000_000, 700))

describe('a lease', () => {
  it('that was never earned is over', () => assert.equal(leaseLeftMs(undefined, leaseMs, at(0, 0)), 0))

  it('runs from the moment at which it was earned', () => {
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_000_000, 700)), leaseMs)
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_001_000, 1_700)), 4_000)
  })

  it('is over when the wall clock says so: the machine was suspended', () => {
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_004_999, 701)), 1)
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_005_000, 701)), 0)
  })

  it('is over when the monotonic clock says so: the wall clock was set back a little', () => {
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_000_001, 5_699)), 1)
    assert.equal(leaseLeftMs(earned, leaseMs, at(1_000_001, 5_700)), 0)
  })

  it('is over when the wall clock was set back behind its start', () => {
    assert.equal(leaseLeftMs(earned, leaseMs, at(999_999, 701)), 0)
  })

  it('never has more left than either clock allows', () => {
    const offset = fc.integer({ min: -10_000, max: 10_000 })
    fc.assert(
      fc.property(offset, fc.nat(10_000), (wall, monotonic) => {
        const left = leaseLeftMs(earned, leaseMs, at(1_000_000 + wall, 700 + monotonic))
        const expected = wall < 0 ? 0 : Math.max(0, Math.min(leaseMs - wall, leaseMs - monotonic))
        assert.equal(left, expected)
      }),
    )
  })
})
