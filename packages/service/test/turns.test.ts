import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { turns } from '../src/turns.ts'

/** Something that ends when it is told to. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { act: () => promise, end: resolve, fail: reject }
}

describe('turns', () => {
  test('those of one key wait for one another, in the order in which they came; others do not', async () => {
    const within = turns(1)
    const order: string[] = []
    const first = held()
    const running = within('a', first.act)
    const second = within('a', async () => void order.push('second'))
    const third = within('a', async () => void order.push('third'))
    await within('b', async () => void order.push('other'))
    assert.deepEqual(order, ['other'])
    first.end()
    await Promise.all([running, second, third])
    assert.deepEqual(order, ['other', 'second', 'third'])
  })

  test('one that failed lets the next one in', async () => {
    const within = turns(1)
    await assert.rejects(within('a', () => Promise.reject(new Error('no'))))
    assert.equal(await within('a', async () => 'in'), 'in')
  })

  test('whoever waits no longer takes no turn', async () => {
    const within = turns(1)
    const first = held()
    const running = within('a', first.act)
    const impatient = new AbortController()
    const second = within('a', () => assert.fail('it was given up'), impatient.signal)
    const third = within('a', async () => 'in')
    impatient.abort(new Error('enough'))
    await assert.rejects(second, /enough/)
    first.end()
    await running
    assert.equal(await third, 'in')
  })

  test('so many run at once and no more, and who would wait too long is turned away', async () => {
    const within = turns(2, 3)
    const began: number[] = []
    const holders = [1, 2, 3, 4, 5].map(held)
    const work = (id: number) =>
      within('a', () => {
        began.push(id)
        return holders[id - 1]?.act() as Promise<void>
      })
    const all = holders.map((_, index) => work(index + 1))
    await assert.rejects(work(6), { code: 'OVERLOADED' })
    assert.deepEqual(began, [1, 2])
    for (const [index, { end }] of holders.entries()) {
      end()
      await all[index]
      await setImmediate()
      assert.equal(began.length, Math.min(index + 3, 5))
    }
    assert.deepEqual(began, [1, 2, 3, 4, 5])
  })
})
