import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atRate } from '../../src/load/schedule.ts'

const never = new AbortController().signal

/** A clock that moves by a fixed step each time it is read: as if the timers were that late. */
function steppingClock(stepMs: number): () => number {
  let now = 0
  return () => {
    now += stepMs
    return now
  }
}

test('the rate holds however late the timers are', async () => {
  for (const stepMs of [1, 37, 400]) {
    let fired = 0
    await atRate(500, 1000, () => (fired += 1), steppingClock(stepMs), never)
    assert.equal(fired, 500)
  }
})

test('an interruption ends it early', async () => {
  const interruption = new AbortController()
  let fired = 0
  const fire = () => {
    fired += 1
    if (fired === 20) interruption.abort()
  }
  await atRate(100, 60_000, fire, steppingClock(10), interruption.signal)
  assert.ok(fired >= 20 && fired < 30)
})
