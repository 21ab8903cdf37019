import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Names } from '../../src/deny/names.ts'

/** Few of them, so that the same ones come again; of one byte a character and of more, short and long. */
const name = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((n) => `token-${n}`),
  fc.integer({ min: 1, max: 512 }).map((length) => 'é'.repeat(length)),
  fc.constantFrom('a', 'b', '\0', '\0\0', '__proto__', 'Ā', '🔑', '🔑🔑', '\uD800'),
)
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ name, value: fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)) }) },
  { weight: 1, arbitrary: fc.record({ name, value: fc.constant(undefined) }) },
)

const sorted = (pairs: Iterable<readonly [string, number]>) => [...pairs].toSorted(([a], [b]) => (a < b ? -1 : 1))

describe('names', () => {
  it('hold what a Map holds, whatever is set and deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const names = new Names()
        const map = new Map<string, number>()
        for (const one of steps) {
          if (one.value === undefined) {
            names.delete(one.name)
            map.delete(one.name)
          } else {
            names.set(one.name, one.value)
            map.set(one.name, one.value)
          }
          assert.equal(names.size, map.size)
          assert.equal(names.get(one.name), map.get(one.name))
        }
        assert.deepEqual(sorted(names), sorted(map))
      }),
      { numRuns: 500 },
    )
  })

  it('are found one by one among a hundred thousand, and nothing else is', () => {
    const names = new Names()
    for (let n = 0; n < 100_000; n++) names.set(`name ${n}`, n)
    for (let n = 0; n < 100_000; n += 2) names.delete(`name ${n}`)
    assert.equal(names.size, 50_000)
    for (let n = 0; n < 100_000; n++) assert.equal(names.get(`name ${n}`), n % 2 === 0 ? undefined : n)
    for (const other of ['name', 'name 1 ', 'Name 1', '', undefined, null, 1, {}])
      assert.equal(names.get(other), undefined)
  })

  it('use the memory of deleted ones again', () => {
    const names = new Names()
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 1_000_000; n++) {
      names.set(`name ${n}`, n)
      names.delete(`name ${n}`)
    }
    assert.equal(names.size, 0)
    // A million at once would take some 40 MB.
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000)
  })

  it('can be gone through while they change: what stays is seen exactly once', () => {
    const names = new Names()
    for (let n = 0; n < 1_000; n++) names.set(`stays ${n}`, n)
    for (let n = 0; n < 1_000; n++) names.set(`goes ${n}`, n)
    const seen: string[] = []
    let added = 0
    for (const [name] of names) {
      if (name.startsWith('stays')) seen.push(name)
      names.delete(`goes ${added}`)
      if (added < 5_000) names.set(`comes ${added++}`, 0)
    }
    assert.equal(seen.length, 1_000)
    assert.equal(new Set(seen).size, 1_000)
  })
})
