import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Tally } from '../../src/load/tally.ts'

describe('the tally', () => {
  it('counts by phase and by target', () => {
    const tally = new Tally()
    tally.succeeded('first', 'jose')
    tally.failed('first', 'jose', '401 x')
    tally.failed('first', 'feed', 'TIMEOUT')
    tally.failed('naive', 'jose', '401 x')
    assert.deepEqual(tally.of('first', 'jose'), { requests: 2, failures: 1, revoked: 0, causes: { '401 x': 1 } })
    assert.deepEqual(tally.in('first'), { requests: 3, failures: 2 })
    assert.deepEqual(tally.in('naive'), { requests: 1, failures: 1 })
  })

  it('does not take one phase for another whose name begins alike', () => {
    const tally = new Tally()
    tally.failed('settleAgain', 'jose', '401')
    assert.deepEqual(tally.in('settle'), { requests: 0, failures: 0 })
  })

  it('counts the refusal of a revoked token as a request and not as a failure', () => {
    const tally = new Tally()
    tally.refusedAsRevoked('revocation', 'feed')
    assert.deepEqual(tally.of('revocation', 'feed'), { requests: 1, failures: 0, revoked: 1, causes: {} })
  })
})
