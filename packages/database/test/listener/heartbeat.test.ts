import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { backoffMs } from '../../src/listener/backoff.ts'
import { startHeartbeat } from '../../src/listener/heartbeat.ts'

const pingMs = 1000
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

async function tick(t: TestContext): Promise<void> {
  t.mock.timers.tick(pingMs)
  await settle()
}

test('one ping that is not heard is tolerated, two in a row are not', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const sent: number[] = []
  let missed = 0
  const send = async (number: number) => {
    sent.push(number)
  }
  const heartbeat = startHeartbeat({ pingMs, send, missed: () => missed++ })
  await settle()
  heartbeat.heard(1)
  await tick(t)
  await tick(t)
  assert.deepEqual(sent, [1, 2, 3])
  heartbeat.heard(3)
  await tick(t)
  await tick(t)
  assert.equal(missed, 0)
  await tick(t)
  assert.equal(missed, 1)
  await tick(t)
  assert.equal(missed, 1, 'it is told once')
})

test('a ping that hangs on its way out counts as missed, and no other is put behind it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let sent = 0
  let missed = 0
  const send = () => {
    sent += 1
    return new Promise<void>(() => undefined)
  }
  startHeartbeat({ pingMs, send, missed: () => missed++ })
  await tick(t)
  await tick(t)
  assert.deepEqual({ sent, missed }, { sent: 1, missed: 1 })
})

test('pauses between attempts grow to 5 s and never leave their bounds', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, chance) => {
      const pauseMs = backoffMs(attempt, () => chance)
      const fullMs = backoffMs(attempt, () => 1)
      assert.ok(pauseMs >= 50 && pauseMs <= 5000)
      assert.ok(pauseMs >= fullMs / 2 && pauseMs <= fullMs)
      assert.ok(backoffMs(attempt + 1, () => chance) >= pauseMs)
    }),
  )
  assert.equal(
    backoffMs(0, () => 1),
    100,
  )
  assert.equal(
    backoffMs(20, () => 1),
    5000,
  )
})
