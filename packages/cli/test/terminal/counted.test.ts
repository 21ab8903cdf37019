import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted } from '../../src/terminal/counted.ts'

test('one is one, and none are several', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'event')),
    ['0 events', '1 event', '2 events'],
  )
  assert.deepEqual(
    [counted(1, 'event is', 'events are'), counted(3, 'event is', 'events are')],
    ['1 event is', '3 events are'],
  )
})
