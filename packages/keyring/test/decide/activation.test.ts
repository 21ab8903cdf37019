import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { standbyVersion } from '../../src/lifecycle/keyring.ts'
import { markServed, prepare, requestRotation } from '../../src/lifecycle/transition.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { evidence, material, runs, saved, settled, startMs, upToDate } from '../samples.ts'
import { look, rotating } from './look.ts'

const knownReadersOnly: Policy = { ...defaultPolicy, anonymousPropagationMs: 0 }
const activation = [{ do: 'activate', id: 'second' }]

describe('a successor', () => {
  it('is activated when every live verifier has acknowledged it', () => {
    const keyring = rotating(knownReadersOnly)
    assert.deepEqual(look(keyring, evidence({ idp: 2 }, { api: 1, web: 2 }), startMs).steps, activation)
  })

  it('is not activated while a live verifier has not acknowledged it, and the reason names that one', () => {
    const { steps, waiting } = look(rotating(knownReadersOnly), evidence({ idp: 2 }, { api: 1, web: 0 }), startMs)
    assert.deepEqual(steps, [])
    assert.deepEqual(waiting, [
      {
        step: 'activate',
        id: 'second',
        gate: 'propagated',
        for: ['verifier web'],
        opensAt: startMs + 10_000,
        since: startMs,
      },
    ])
  })

  it('waits for a lagging verifier for ever when the policy has no end to patience', () => {
    const keyring = rotating(knownReadersOnly)
    const lateMs = startMs + 10 * 365 * 86_400_000
    const lagging = evidence({ idp: 2 }, { web: 0 }, lateMs + 10_000)
    assert.deepEqual(look(keyring, lagging, lateMs).steps, [])
  })

  it('is not held up by a verifier whose lease is over', () => {
    const keyring = rotating(knownReadersOnly)
    assert.deepEqual(look(keyring, evidence({ idp: 2 }, { web: 0 }), startMs).steps, [])
    assert.deepEqual(look(keyring, evidence({ idp: 2 }, {}), startMs).steps, activation)
  })

  it('waits for a lagging verifier no longer than patience, counted from when it was served', () => {
    const keyring = rotating({ ...knownReadersOnly, verifierPatienceMs: 2_000 })
    const lagging = evidence({ idp: 2 }, { web: 0 })
    assert.equal(look(keyring, lagging, startMs + 1_999).waiting[0]?.opensAt, startMs + 2_000)
    assert.deepEqual(look(keyring, lagging, startMs + 2_000).steps, activation)
  })

  it('waits for the last lease of the lagging when that ends before patience does', () => {
    const keyring = rotating({ ...knownReadersOnly, verifierPatienceMs: 60_000 })
    const { waiting } = look(keyring, evidence({ idp: 2 }, { web: 0, api: 0 }), startMs)
    assert.deepEqual([waiting[0]?.for, waiting[0]?.opensAt], [['verifier web', 'verifier api'], startMs + 10_000])
  })

  it('is not activated before anonymous readers had their time, counted from when every instance served it', () => {
    const servedMs = startMs + 50_000
    const before = saved(undefined, prepare(settled('signing', startMs), material('third'), startMs))
    const asked = {
      ...requestRotation(before, { by: 'ops', forced: false }, startMs),
      versions: before.versions.slice(0, 1),
    }
    const keyring = saved(before, markServed(prepare(asked, material('fourth'), startMs), 'fourth', servedMs))
    const opensAt = servedMs + defaultPolicy.anonymousPropagationMs
    const early = look(keyring, evidence({ idp: 2 }, {}, opensAt + 10_000), opensAt - 1)
    assert.deepEqual(early.steps, [])
    assert.deepEqual([early.waiting[0]?.for, early.waiting[0]?.opensAt], [['anonymous readers'], opensAt])
    assert.deepEqual(look(keyring, upToDate, opensAt).steps, [{ do: 'activate', id: 'fourth' }])
  })

  it('names verifiers and anonymous readers when it waits for both', () => {
    const { waiting } = look(rotating(defaultPolicy), evidence({ idp: 2 }, { web: 0 }), startMs)
    assert.deepEqual(waiting[0]?.for, ['verifier web', 'anonymous readers'])
    assert.equal(waiting[0]?.opensAt, startMs + defaultPolicy.anonymousPropagationMs)
  })

  it('that is forced waits for neither', () => {
    assert.deepEqual(look(rotating(defaultPolicy, true), evidence({ idp: 2 }, { web: 0 }), startMs).steps, activation)
  })

  it('that is forced still waits until every live instance serves it', () => {
    const before = saved(undefined, settled('signing', startMs))
    const unserved = saved(before, {
      ...requestRotation(before, { by: 'ops', forced: true }, startMs),
      versions: prepare({ ...before, versions: before.versions.slice(0, 1) }, material('third'), startMs).versions,
    })
    const { steps, waiting } = look(unserved, evidence({ idp: 1 }), startMs)
    assert.deepEqual(steps, [])
    assert.deepEqual(
      waiting.map(({ step, for: parties }) => [step, parties]),
      [
        ['serve', ['instance idp']],
        ['activate', ['every instance to serve it']],
      ],
    )
  })

  it('is activated exactly when served, acknowledged by all who live, and old enough for those who cannot be seen', () => {
    const parties = fc.array(fc.nat(3), { maxLength: 4 })
    fc.assert(
      fc.property(parties, fc.nat(400_000), fc.option(fc.nat(400_000)), (holds, age, patience) => {
        const keyring = rotating({ ...defaultPolicy, verifierPatienceMs: patience })
        const verifiers = Object.fromEntries(holds.map((revision, index) => [`v${index}`, revision]))
        const { steps } = look(keyring, evidence({ idp: 2 }, verifiers, startMs + 500_000), startMs + age)
        const acknowledged = holds.every((revision) => revision >= (standbyVersion(keyring)?.since ?? Number.NaN))
        const outwaited = patience !== null && age >= patience
        const open = (acknowledged || outwaited) && age >= defaultPolicy.anonymousPropagationMs
        assert.deepEqual(steps, open ? activation : [])
      }),
      runs(300),
    )
  })
})

describe('a rotation', () => {
  it('is due by itself when the active version is as old as the schedule says', () => {
    const keyring = saved(undefined, settled('signing', startMs, knownReadersOnly))
    const dueMs = startMs + defaultPolicy.rotateEveryMs
    const early = look(keyring, upToDate, dueMs - 1)
    assert.deepEqual([early.steps, early.waiting, early.nextDecisionAt], [[], [], dueMs])
    assert.deepEqual(look(keyring, upToDate, dueMs).steps, activation)
  })

  it('that is due by itself passes the same gates, and says since when', () => {
    const keyring = saved(undefined, settled('signing', startMs, knownReadersOnly))
    const dueMs = startMs + defaultPolicy.rotateEveryMs
    const { steps, waiting } = look(keyring, evidence({ idp: 1 }, { web: 0 }, dueMs + 9_000), dueMs + 5_000)
    assert.deepEqual(steps, [])
    assert.deepEqual([waiting[0]?.for, waiting[0]?.since], [['verifier web'], dueMs])
  })

  it('does not wait for a clock that was set back, where no reader has to be waited for', () => {
    assert.deepEqual(look(rotating(knownReadersOnly), upToDate, startMs - 3_600_000).steps, activation)
  })

  it('is looked at again at once while it hangs on somebody', () => {
    const nowMs = startMs + 7
    assert.equal(look(rotating(defaultPolicy), evidence({ idp: 2 }, { web: 0 }), nowMs).nextDecisionAt, nowMs)
  })
})

describe('a version in reserve', () => {
  it('is always wanted', () => {
    const before = settled('signing', startMs)
    const without = saved(undefined, { ...before, versions: before.versions.slice(0, 1) })
    const { steps, nextDecisionAt } = look(without, upToDate, startMs + 1)
    assert.deepEqual([steps, nextDecisionAt], [[{ do: 'prepare' }], startMs + 1])
  })

  it('counts as served when every live instance has applied the document, and not before', () => {
    const before = saved(undefined, settled('signing', startMs))
    const keyring = saved(before, prepare(before, material('third'), startMs))
    const { steps, waiting, nextDecisionAt } = look(keyring, evidence({ a: 2, b: 1, c: 0 }), startMs)
    assert.deepEqual(steps, [])
    assert.deepEqual(waiting, [
      {
        step: 'serve',
        gate: 'served',
        id: 'third',
        for: ['instance b', 'instance c'],
        opensAt: startMs + 10_000,
        since: startMs,
      },
    ])
    assert.equal(nextDecisionAt, startMs)
    assert.deepEqual(look(keyring, evidence({ a: 2, b: 2 }), startMs).steps, [{ do: 'mark-served', id: 'third' }])
  })
})
