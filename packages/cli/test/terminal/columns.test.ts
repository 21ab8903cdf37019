import assert from 'node:assert/strict'
import { test } from 'node:test'
import { widen } from '../../src/terminal/columns.ts'

test('a terminal that says it has no columns is 80 wide; any other is what it says', () => {
  const widened = (stream: { columns?: number }) => {
    widen(stream)
    return stream
  }
  assert.deepEqual(widened({ columns: 0 }), { columns: 80 })
  assert.deepEqual(widened({ columns: 132 }), { columns: 132 })
  assert.deepEqual(widened({}), {})
})
