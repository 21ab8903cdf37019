import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { activate, erasePrivate, markDemoted, markServed, prepare, rollBack } from '../../src/lifecycle/transition.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { evidence, material, runs, saved, settled, startMs, upToDate } from '../samples.ts'
import { look } from './look.ts'

/** `second` took over from `first` at the start, and there is a third in reserve. */
function rotated(policy: Policy = defaultPolicy): Keyring {
  const before = saved(undefined, settled('signing', startMs, policy))
  const next = prepare(activate(before, 'second', startMs), material('third'), startMs)
  return saved(before, markServed(next, 'third', startMs))
}

/** The same when every instance was seen to have let go of `first` at the time given. */
function demoted(demotedAtMs: number, policy: Policy = defaultPolicy): Keyring {
  const before = rotated(policy)
  return saved(before, erasePrivate(markDemoted(before, 'first', demotedAtMs), 'first'))
}

describe('a demoted version', () => {
  it('is let go of when every live instance has applied its demotion, and the reason names the others', () => {
    const keyring = rotated()
    const { steps, waiting } = look(keyring, evidence({ a: 2, b: 1 }), startMs)
    assert.deepEqual(steps, [])
    assert.deepEqual(waiting, [
      {
        step: 'demote',
        gate: 'demoted',
        id: 'first',
        for: ['instance b'],
        opensAt: startMs + 10_000,
        since: startMs,
      },
    ])
    assert.deepEqual(look(keyring, evidence({ a: 2 }), startMs).steps, [{ do: 'mark-demoted', id: 'first' }])
  })

  it('is not retired while an instance may still sign with it, however long ago it was demoted', () => {
    const lateMs = startMs + 10 * defaultPolicy.maxGraceMs
    const { steps } = look(rotated(), evidence({ a: 2, b: 1 }, {}, lateMs + 5_000), lateMs)
    assert.deepEqual(steps, [])
  })

  it('is not retired while a token signed by it can be valid, and is when none can', () => {
    const ms = fc.integer({ min: 0, max: 86_400_000 })
    fc.assert(
      fc.property(ms, fc.nat(600_000), ms, fc.integer({ min: 0, max: 200_000_000 }), (ttl, skew, demotedAt, age) => {
        const policy = { ...defaultPolicy, maxTokenTtlMs: ttl, skewMs: skew }
        const nowMs = startMs + demotedAt + age
        const { steps } = look(demoted(startMs + demotedAt, policy), upToDate, nowMs)
        // The last token was signed when the version was let go of, by a clock that may be ahead by the skew.
        const lastExpiryMs = startMs + demotedAt + ttl + skew
        assert.deepEqual(
          steps.filter(({ do: act }) => act === 'retire'),
          nowMs < lastExpiryMs ? [] : [{ do: 'retire', id: 'first' }],
        )
      }),
      runs(500),
    )
  })

  it('says what it waits for and when that is over, and is looked at again then', () => {
    const { waiting, nextDecisionAt } = look(demoted(startMs + 100), upToDate, startMs + 200)
    const opensAt = startMs + 100 + defaultPolicy.maxTokenTtlMs + defaultPolicy.skewMs
    assert.deepEqual(waiting, [
      { step: 'retire', gate: 'drained', id: 'first', for: ['tokens signed by first'], opensAt, since: startMs + 100 },
    ])
    assert.equal(nextDecisionAt, opensAt)
  })

  it('keeps its private half for the rollback window and no longer', () => {
    const before = rotated()
    const keyring = saved(before, markDemoted(before, 'first', startMs))
    const overMs = startMs + defaultPolicy.rollbackWindowMs
    const early = look(keyring, upToDate, overMs - 1)
    assert.deepEqual([early.steps, early.nextDecisionAt], [[], overMs])
    assert.deepEqual(look(keyring, upToDate, overMs).steps, [{ do: 'erase-private', id: 'first' }])
  })

  it('keeps its private half while an instance may still sign with it', () => {
    const overMs = startMs + defaultPolicy.rollbackWindowMs
    assert.deepEqual(look(rotated(), evidence({ a: 1 }, {}, overMs + 5_000), overMs).steps, [])
  })

  it('that was rolled back to is waited for anew when it is demoted again', () => {
    const again = activate(rollBack(demotedWithPrivate(), startMs + 1_000), 'third', startMs + 2_000)
    const steps = look(saved(rotated(), again), upToDate, startMs + 2_000).steps
    assert.deepEqual(
      steps.filter((step) => 'id' in step && step.id === 'first'),
      [{ do: 'mark-demoted', id: 'first' }],
    )
  })

  const demotedWithPrivate = () => markDemoted(rotated(), 'first', startMs + 100)
})

describe('deciding', () => {
  it('changes nothing that it is given, and says the same again', () => {
    const keyring = rotated()
    const known = evidence({ a: 1, b: 2 }, { web: 0 })
    const before = structuredClone({ keyring, known })
    assert.deepEqual(look(keyring, known, startMs), look(keyring, known, startMs))
    assert.deepEqual({ keyring, known }, before)
  })

  it('treats several retiring versions each by its own times', () => {
    const one = demoted(startMs)
    const two = saved(one, prepare(activate(one, 'third', startMs + 50_000), material('fourth'), startMs + 50_000))
    const both = saved(two, markServed(markDemoted(two, 'second', startMs + 60_000), 'fourth', startMs + 60_000))
    const firstOverMs = startMs + defaultPolicy.maxTokenTtlMs + defaultPolicy.skewMs
    const { steps, waiting } = look(erased(both), upToDate, firstOverMs)
    assert.deepEqual(steps, [{ do: 'retire', id: 'first' }])
    assert.deepEqual(
      waiting.map(({ id, opensAt }) => [id, opensAt]),
      [['second', firstOverMs + 60_000]],
    )
  })

  const erased = (keyring: Keyring) => erasePrivate(keyring, 'second')
})
