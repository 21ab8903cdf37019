import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { nowAndThen } from '../../src/audit/now-and-then.ts'

const aMinuteMs = 60_000

describe('what is done now and then', () => {
  function doing(t: TestContext, fails = false) {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let done = 0
    const errors: unknown[] = []
    const act = async () => {
      done += 1
      if (fails) throw new Error('failed')
    }
    const stop = nowAndThen(act, (error) => errors.push(error))
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    const pass = async (minutes: number) => {
      await settled()
      t.mock.timers.tick(minutes * aMinuteMs)
      await settled()
      return done
    }
    return { errors, pass, stop }
  }
  test('is done again an hour after it was done', async (t) => {
    const { pass, stop } = doing(t)
    assert.deepEqual([await pass(59), await pass(1), await pass(59), await pass(1)], [1, 2, 2, 3])
    stop()
    assert.equal(await pass(600), 3)
  })

  test('is done again when it failed', async (t) => {
    const { errors, pass, stop } = doing(t, true)
    assert.equal(await pass(60), 2)
    assert.equal(errors.length, 2)
    stop()
  })
})
