import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { nowAndThen } from '../../src/audit/now-and-then.ts'

const aMinuteMs = 60_000

describe('what is done now and then', () => {
  /** Each time takes as long as it is told to. */
  function doing(t: TestContext, tookMs: number, fails = false) {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let [now, done] = [0, 0]
    const errors: unknown[] = []
    const act = async () => {
      now += tookMs
      done += 1
      if (fails) throw new Error('failed')
    }
    const stop = nowAndThen(
      act,
      (error) => errors.push(error),
      () => now,
    )
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    const pass = async (minutes: number) => {
      await settled()
      t.mock.timers.tick(minutes * aMinuteMs)
      await settled()
      return done
    }
    return { errors, pass, stop }
  }
  const cases = [
    { took: 'a second', tookMs: 1_000, minutes: 60 },
    { took: 'ten minutes', tookMs: 10 * aMinuteMs, minutes: 200 },
  ]
  for (const { took, tookMs, minutes } of cases) {
    test(`is done again after ${minutes} minutes when it takes ${took}`, async (t) => {
      const { pass, stop } = doing(t, tookMs)
      assert.deepEqual([await pass(minutes - 1), await pass(1), await pass(minutes - 1), await pass(1)], [1, 2, 2, 3])
      stop()
      assert.equal(await pass(10 * minutes), 3)
    })
  }

  test('is done again when it failed', async (t) => {
    const { errors, pass, stop } = doing(t, 0, true)
    assert.equal(await pass(60), 2)
    assert.equal(errors.length, 2)
    stop()
  })
})
