import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decide } from '../../src/decide/decide.ts'
import { noEvidence } from '../../src/decide/evidence.ts'
import { succeed } from '../../src/lifecycle/client.ts'
import { newClientKeyring } from '../../src/lifecycle/keyring.ts'
import { clientPolicy, startMs } from '../samples.ts'

describe('an old secret of a webhook', () => {
  const untilMs = startMs + 86_400_000
  const secret = (id: string) => ({ id, publicPart: {} })
  const first = succeed(newClientKeyring('webhook-1', 'webhook-secret', clientPolicy), secret('old'), null, startMs)
  const rotated = succeed(first, secret('new'), untilMs, startMs)

  it('signs until the receiver has confirmed the new one, or the overlap is over', () => {
    const { steps, waiting } = decide(rotated, noEvidence, untilMs - 1)
    assert.deepEqual(steps, [])
    assert.deepEqual(waiting[0]?.for, ['the receiver to confirm a later secret than old'])
    assert.equal(waiting[0]?.opensAt, untilMs)
    assert.deepEqual(decide(rotated, noEvidence, untilMs).steps, [{ do: 'retire', id: 'old' }])
    const uses = new Map([['new', { firstAt: startMs, lastAt: startMs }]])
    assert.deepEqual(decide(rotated, { ...noEvidence, uses }, startMs + 1).steps, [{ do: 'retire', id: 'old' }])
  })

  it('is not let go because the receiver confirmed that same one', () => {
    const uses = new Map([['old', { firstAt: startMs, lastAt: startMs }]])
    assert.deepEqual(decide(rotated, { ...noEvidence, uses }, startMs + 1).steps, [])
  })

  it('signs nothing more at once when it was rotated without an overlap', () => {
    const compromised = succeed(first, secret('new'), null, startMs)
    assert.deepEqual(
      compromised.versions.map(({ state }) => state),
      ['retired', 'active'],
    )
  })
})
