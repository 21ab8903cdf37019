import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inTurns } from '../../src/audit/turns.ts'

describe('much work that is done in turns', () => {
  it('is done in its order, and between two parts others have theirs', async () => {
    let others = 0
    const theirs = () => {
      others += 1
      again = setImmediate(theirs)
    }
    let again = setImmediate(theirs)
    const parts: number[][] = []
    const seen: number[] = []
    for await (const part of inTurns([1, 2, 3, 4, 5], 2)) {
      parts.push(part)
      seen.push(others)
    }
    clearImmediate(again)
    assert.deepEqual(parts, [[1, 2], [3, 4], [5]])
    assert.ok(
      seen.every((turns, i) => turns > (seen[i - 1] ?? 0)),
      `${seen}`,
    )
  })
})
