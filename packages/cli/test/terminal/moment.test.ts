import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atTime, stamp } from '../../src/terminal/moment.ts'

// Local time, as it is shown.
const now = new Date(2026, 2, 1, 14, 0, 0).getTime()
const at = (distanceMs: number) => new Date(now + distanceMs).toISOString()

test('a near moment is told to the second, a far one with its date', () => {
  assert.equal(atTime(at(7_000), now), 'at 14:00:07')
  assert.equal(atTime(at(3_600_000), now), 'at 15:00')
  assert.equal(atTime(at(86_400_000), now), 'on 2026-03-02 at 14:00')
})

test('a moment in a column is always as wide', () => {
  assert.equal(stamp(at(7_000)), '2026-03-01 14:00:07')
})
