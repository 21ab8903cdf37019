import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shared } from '../../src/instances/shared.ts'

describe('a shared read', () => {
  function setUp() {
    const reads: PromiseWithResolvers<number>[] = []
    const read = () => {
      const reading = Promise.withResolvers<number>()
      reads.push(reading)
      return reading.promise
    }
    return { reads, ask: shared(read) }
  }
  const turn = () => new Promise(setImmediate)

  it('is one for all who ask before it begins', async () => {
    const { reads, ask } = setUp()
    const asked = [ask(), ask(), ask()]
    await turn()
    assert.equal(reads.length, 1)
    reads[0]?.resolve(1)
    assert.deepEqual(await Promise.all(asked), [1, 1, 1])
  })

  it('is another for whoever asks while one is under way, and begins when that has ended', async () => {
    const { reads, ask } = setUp()
    const first = ask()
    await turn()
    const later = [ask(), ask()]
    await turn()
    assert.equal(reads.length, 1)
    reads[0]?.resolve(1)
    assert.equal(await first, 1)
    await turn()
    assert.equal(reads.length, 2)
    reads[1]?.resolve(2)
    assert.deepEqual(await Promise.all(later), [2, 2])
  })

  it('that fails, fails for those who share it alone', async () => {
    const { reads, ask } = setUp()
    const first = ask()
    await turn()
    const later = ask()
    reads[0]?.reject(new Error('cut off'))
    await assert.rejects(first, /cut off/)
    await turn()
    reads[1]?.resolve(2)
    assert.equal(await later, 2)
  })
})
