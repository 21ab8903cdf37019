import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { attemptWithin } from '../src/abort.ts'

describe('an attempt', () => {
  it('is aborted by itself, and then what it belongs to is not', () => {
    const parent = new AbortController()
    const attempt = attemptWithin(parent.signal)
    attempt.abort()
    assert.deepEqual([attempt.signal.aborted, parent.signal.aborted], [true, false])
  })

  it('is aborted with what it belongs to, also when that has been aborted before', () => {
    const parent = new AbortController()
    const attempt = attemptWithin(parent.signal)
    parent.abort()
    assert.ok(attempt.signal.aborted)
    assert.ok(attemptWithin(parent.signal).signal.aborted)
  })

  it('leaves nothing behind when it is over', () => {
    const parent = new AbortController()
    for (let count = 0; count < 100; count++) attemptWithin(parent.signal).over()
    assert.equal(getEventListeners(parent.signal, 'abort').length, 0)
  })
})
