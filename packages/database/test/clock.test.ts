import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { pause } from '../src/clock.ts'

describe('a pause', () => {
  /** Timers that run at once, or when they are told to. */
  const soon = (_ms: number, act: () => void) => {
    queueMicrotask(act)
    return () => undefined
  }
  const never = () => () => undefined

  it('ends with its time, and leaves nothing on the signal', async () => {
    const { signal } = new AbortController()
    for (let n = 0; n < 20; n++) await pause(1_000, signal, soon)
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('ends with the signal, and calls its timer off', async () => {
    const ending = new AbortController()
    let isCalledOff = false
    const paused = pause(1_000, ending.signal, () => () => {
      isCalledOff = true
    })
    ending.abort()
    await paused
    assert.ok(isCalledOff)
  })

  it('is none where the signal has come before', async () => {
    await pause(1_000, AbortSignal.abort(), never)
  })
})
