import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recall } from '../src/recall.ts'

describe('what is recalled', () => {
  /** Reads that are answered by hand, in the order in which they began. */
  function rows(most?: number) {
    const begun: { key: string; answer: PromiseWithResolvers<string | undefined> }[] = []
    const read = (key: string) => {
      const answer = Promise.withResolvers<string | undefined>()
      begun.push({ key, answer })
      return answer.promise
    }
    return { begun, kept: recall(read, () => undefined, most) }
  }

  test('is read once, and then there at once', async () => {
    const { begun, kept } = rows()
    const both = [kept.get('a'), kept.get('a')]
    begun[0]?.answer.resolve('row')
    assert.deepEqual(await Promise.all(both), ['row', 'row'])
    assert.equal(kept.get('a'), 'row')
    assert.equal(begun.length, 1)
  })

  test('is read again when it changed while it was read', async () => {
    const { begun, kept } = rows()
    const found = kept.get('a')
    kept.forget('a')
    begun[0]?.answer.resolve('old')
    await Promise.resolve()
    begun[1]?.answer.resolve('new')
    assert.equal(await found, 'new')
  })

  test('is read anew on demand, while others go on with what is known', async () => {
    const { begun, kept } = rows()
    const first = kept.get('a')
    begun[0]?.answer.resolve('old')
    await first
    const fresh = kept.fresh('a')
    assert.equal(kept.get('a'), 'old')
    begun[1]?.answer.resolve('new')
    assert.deepEqual([await fresh, kept.get('a')], ['new', 'new'])
  })

  test('is not what was read before it was demanded; all who wait share the next read', async () => {
    const { begun, kept } = rows()
    const earlier = kept.get('a')
    const fresh = [kept.fresh('a'), kept.fresh('a')]
    assert.equal(begun.length, 1)
    begun[0]?.answer.resolve('old')
    assert.equal(await earlier, 'old')
    begun[1]?.answer.resolve('new')
    assert.deepEqual(await Promise.all(fresh), ['new', 'new'])
    assert.equal(begun.length, 2)
  })

  test('is gone when a read on demand does not find it, and a read that fails changes nothing', async () => {
    const { begun, kept } = rows()
    const first = kept.get('a')
    begun[0]?.answer.resolve('row')
    await first
    const failing = kept.fresh('a')
    begun[1]?.answer.reject(new Error('the database is away'))
    await assert.rejects(failing)
    assert.equal(kept.get('a'), 'row')
    const fresh = kept.fresh('a')
    begun[2]?.answer.resolve(undefined)
    assert.equal(await fresh, undefined)
    void kept.get('a')
    assert.equal(begun.length, 4)
  })

  test('is not waited for once more by those who waited for a read that failed', async () => {
    const { begun, kept } = rows()
    const asked = [kept.fresh('a'), kept.fresh('a')]
    begun[0]?.answer.reject(new Error('the database is away'))
    for (const { status } of await Promise.allSettled(asked)) assert.equal(status, 'rejected')
    assert.equal(begun.length, 1)
    const later = kept.fresh('a')
    begun[1]?.answer.resolve('row')
    assert.equal(await later, 'row')
  })

  test('has a bound: the oldest goes', async () => {
    const { begun, kept } = rows(2)
    for (const key of ['a', 'b', 'c']) {
      const found = kept.get(key)
      begun.at(-1)?.answer.resolve(key)
      await found
    }
    assert.deepEqual([kept.get('b'), kept.get('c')], ['b', 'c'])
    void kept.get('a')
    assert.equal(begun.length, 4)
  })
})
