import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Tried } from '../../src/calls/call.ts'
import { retried } from '../../src/calls/retry.ts'

const patience = { attempts: 3, backoffMs: 1, timeoutMs: 20_000, random: () => 0 }

/** Gives these, one each. */
function giving(...answers: Tried<string>[]) {
  const signals: AbortSignal[] = []
  const once = async (signal: AbortSignal) => {
    signals.push(signal)
    return answers[signals.length - 1] ?? { fault: 'too many tries' }
  }
  return { once, signals }
}

describe('a call that is tried again', () => {
  test('ends with the first answer, or the last fault', async () => {
    const passing = giving({ fault: '503' }, { value: 'good' })
    assert.deepEqual(await retried(passing.once, patience), { value: 'good' })
    const staying = giving({ fault: '1' }, { fault: '2' }, { fault: '3' })
    assert.deepEqual(await retried(staying.once, patience), { fault: '3' })
    assert.equal(staying.signals.length, 3)
  })

  test('is given up where the other side says to come later than anybody waits', async () => {
    const { once, signals } = giving({ fault: '429', afterMs: 21_000 })
    assert.deepEqual(await retried(once, patience), { fault: '429', afterMs: 21_000 })
    assert.equal(signals.length, 1)
  })

  test('is given up when its time is over, also between two tries', async () => {
    const { once, signals } = giving({ fault: '503' }, { value: 'too late' })
    assert.deepEqual(await retried(once, { ...patience, backoffMs: 60_000, timeoutMs: 50 }), { fault: '503' })
    assert.equal(signals.length, 1)
  })

  test('passes on what is no fault of the other side', async () => {
    const defect = async () => {
      throw new RangeError('a defect')
    }
    await assert.rejects(retried(defect, patience), RangeError)
  })
})
