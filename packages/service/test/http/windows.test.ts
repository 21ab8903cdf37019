import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sourceOf, windows } from '../../src/index.ts'

const limit = { most: 2, withinMs: 10_000 }

function withClock() {
  const time = { now: 1_000_000 }
  return { time, ...windows(limit, () => time.now) }
}

describe('a window', () => {
  test('lets through as many as its limit says, and says how long all others wait', () => {
    const { count, time } = withClock()
    assert.deepEqual([count('a'), count('a'), count('a')], [0, 0, 10_000])
    time.now += 4_000
    assert.equal(count('a'), 6_000)
    time.now += 6_000
    assert.equal(count('a'), 0)
  })

  test('says so of one that is to come, and does not count it', () => {
    const { count, waitMs, time } = withClock()
    assert.equal(waitMs('a'), 0)
    count('a')
    assert.deepEqual([waitMs('a'), waitMs('a')], [0, 0])
    count('a')
    assert.equal(waitMs('a'), 10_000)
    assert.equal(waitMs('b'), 0)
    time.now += 10_000
    assert.equal(waitMs('a'), 0)
  })

  test('holds nobody for longer because the clock was set back', () => {
    const { count, waitMs, time } = withClock()
    for (const _ of [1, 2, 3]) count('a')
    time.now -= 3_600_000
    assert.equal(waitMs('a'), 0)
    assert.equal(count('a'), 0)
  })
})

test('an address of IPv6 counts for the network that its owner has', () => {
  assert.equal(sourceOf('2001:db8:1:2:3::4'), sourceOf('2001:db8:1:2::9'))
  assert.notEqual(sourceOf('2001:db8:1:2::9'), sourceOf('2001:db8:1:3::9'))
  assert.equal(sourceOf('::ffff:192.0.2.1'), '192.0.2.1')
})
