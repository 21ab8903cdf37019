import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seenBy, storedCounts } from '../../src/inventory/counts.ts'
import type { OrganizationCounts } from '../../src/inventory/stored.ts'

const of = (organization: string | null, count: number): OrganizationCounts => ({
  ...{ organization, kind: 'client-secret', management: 'rekey', count, overdue: 0 },
})

/** A count that takes so long each time, by a clock that goes on with it. */
function counting(tookMs: number) {
  let [now, counted] = [0, 0]
  const counts = storedCounts(
    async () => {
      counted += 1
      now += tookMs
      return [of('default', counted)]
    },
    () => now,
  )
  const wait = (ms: number) => {
    now += ms
  }
  return { counts, wait, counted: () => counted }
}

describe('the count of stored secrets', () => {
  test('that took long serves whoever asks within 20 times as long', async () => {
    const { counts, wait, counted } = counting(2_000)
    await counts()
    wait(39_000)
    assert.equal((await counts())[0]?.count, 1)
    wait(2_000)
    assert.equal((await counts())[0]?.count, 2)
    assert.equal(counted(), 2)
  })

  test('that is over at once is made anew for everybody, and shows what was done a moment ago', async () => {
    const { counts, counted } = counting(3)
    await counts()
    await counts()
    assert.equal(counted(), 2)
  })

  test('is made once for all who ask at the same time, and again after one that failed', async () => {
    let asked = 0
    const counts = storedCounts(
      async () => {
        asked += 1
        if (asked === 1) throw new Error('the database is away')
        return []
      },
      () => 0,
    )
    const both = await Promise.allSettled([counts(), counts()])
    assert.deepEqual([asked, both.map(({ status }) => status)], [1, ['rejected', 'rejected']])
    await counts()
    assert.equal(asked, 2)
  })

  test('tells somebody of his organization, and of the estate only whoever may see that', () => {
    const all = [of('default', 1), of('acme', 2), of(null, 3)]
    const seen = (organization: string, withEstate: boolean) =>
      seenBy({ organization, withEstate }, all).map(({ count }) => count)
    assert.deepEqual([seen('default', true), seen('default', false), seen('acme', false)], [[1, 3], [1], [2]])
  })
})
