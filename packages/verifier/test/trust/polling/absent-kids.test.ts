import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AbsentKids } from '../../../src/trust/polling/absent-kids.ts'
import { HandClock } from '../../support/clock.ts'

describe('the kids that an issuer did not list', () => {
  it('are a thousand at most, of which the oldest is forgotten first', () => {
    const absent = new AbsentKids(new HandClock(0), 30_000)
    for (let i = 0; i < 1_001; i++) absent.add(`${i}`)
    assert.equal(absent.has('0'), false)
    assert.equal(absent.has('1'), true)
    absent.add('1')
    absent.add('another')
    assert.equal(absent.has('1'), true)
    assert.equal(absent.has('2'), false)
  })

  it('are never long enough to fill memory', () => {
    const absent = new AbsentKids(new HandClock(0), 30_000)
    absent.add('x'.repeat(1_025))
    assert.equal(absent.has('x'.repeat(1_025)), false)
  })
})
