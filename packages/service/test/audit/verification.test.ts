import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Verdict } from '@rekey/database'
import { sharedVerification } from '../../src/audit/verification.ts'

describe('a verification that many ask for', () => {
  /** A chain whose readings end when they are told to. */
  function setting() {
    const readings: PromiseWithResolvers<Verdict>[] = []
    const verify = sharedVerification({
      verify() {
        const reading = Promise.withResolvers<Verdict>()
        readings.push(reading)
        return reading.promise
      },
    })
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    const verdict = (checkedCount: number) => ({ checkedCount }) as Verdict
    return { readings, verify, settled, verdict }
  }

  test('is one for all who ask while another is under way, and not that one', async () => {
    const { readings, verify, settled, verdict } = setting()
    const first = verify()
    await settled()
    const [second, third] = [verify(), verify()]
    await settled()
    assert.equal(readings.length, 1)
    readings[0]?.resolve(verdict(1))
    await settled()
    assert.equal(readings.length, 2)
    readings[1]?.resolve(verdict(2))
    const counts = (await Promise.all([first, second, third])).map(({ checkedCount }) => checkedCount)
    assert.deepEqual(counts, [1, 2, 2])
    verify()
    await settled()
    assert.equal(readings.length, 3, 'the next one reads anew')
  })

  test('that fails, fails for who asked for it, and not for the next', async () => {
    const { readings, verify, settled, verdict } = setting()
    const first = verify()
    await settled()
    const second = verify()
    readings[0]?.reject(new Error('the database is away'))
    await assert.rejects(first, /away/)
    await settled()
    readings[1]?.resolve(verdict(2))
    assert.equal((await second).checkedCount, 2)
  })
})
