import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decide } from '../../src/decide/decide.ts'
import { type Evidence, noEvidence, type Use } from '../../src/decide/evidence.ts'
import { succeed } from '../../src/lifecycle/client.ts'
import { type ClientKeyring, newClientKeyring } from '../../src/lifecycle/keyring.ts'
import { revoke } from '../../src/lifecycle/transition.ts'
import { nextDecisionAt } from '../../src/stores/store.ts'
import { clientPolicy, secret, startMs } from '../samples.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const { quietMs } = clientPolicy
const untilMs = startMs + dayMs

/** `old` was replaced by `new` at the start; both work for a day. */
function overlapping(lifeOfNewMs?: number): ClientKeyring {
  const first = succeed(newClientKeyring('credential-1', 'client-secret', clientPolicy), secret('old'), null, 1)
  const life = lifeOfNewMs === undefined ? {} : { expiresAt: startMs + lifeOfNewMs }
  return succeed(first, { ...secret('new'), ...life }, untilMs, startMs)
}

/** When each was last seen; all were first seen at the start. */
function seen(lastAtMs: Record<string, number>): Evidence {
  const uses = Object.entries(lastAtMs).map(([id, lastAt]): [string, Use] => [id, { firstAt: startMs, lastAt }])
  return { instances: [], verifiers: [], uses: new Map(uses) }
}

const retireOld = [{ do: 'retire', id: 'old' }]

describe('an old secret of a client', () => {
  it('is retired when its overlap is over, whatever was seen', () => {
    const atTheEnd = { ...seen({ old: untilMs - 1 }) }
    assert.deepEqual(decide(overlapping(), atTheEnd, untilMs - 1).steps, [])
    assert.deepEqual(decide(overlapping(), atTheEnd, untilMs).steps, retireOld)
    assert.deepEqual(decide(overlapping(), noEvidence, untilMs).steps, retireOld)
  })

  it('is not retired before that because it was not seen', () => {
    for (const known of [noEvidence, seen({}), seen({ old: startMs })]) {
      const { steps, waiting } = decide(overlapping(), known, untilMs - 1)
      assert.deepEqual(steps, [])
      assert.deepEqual(waiting, [
        {
          step: 'retire',
          gate: 'drained',
          id: 'old',
          for: ['the client to be seen with a later secret than old'],
          opensAt: untilMs,
          since: startMs,
        },
      ])
    }
  })

  it('is retired when the new one was used, and it was not for the quiet time', () => {
    const lastMs = startMs + hourMs
    const known = seen({ old: lastMs, new: startMs + 2 })
    const { steps, waiting, nextDecisionAt } = decide(overlapping(), known, lastMs + quietMs - 1)
    assert.deepEqual([steps, nextDecisionAt], [[], lastMs + quietMs])
    assert.deepEqual(waiting[0]?.for, ['old not to be seen for 2h'])
    assert.equal(waiting[0]?.opensAt, lastMs + quietMs)
    assert.deepEqual(decide(overlapping(), known, lastMs + quietMs).steps, retireOld)
  })

  it('has a quiet time from its replacement on, when it was not seen since', () => {
    for (const known of [seen({ new: startMs }), seen({ old: startMs - dayMs, new: startMs })]) {
      assert.deepEqual(decide(overlapping(), known, startMs + quietMs - 1).steps, [])
      assert.deepEqual(decide(overlapping(), known, startMs + quietMs).steps, retireOld)
    }
  })

  it('is kept when the new one, though it was used, cannot be used any more', () => {
    const afterQuiet = startMs + quietMs
    const known = seen({ new: startMs })
    assert.deepEqual(decide(overlapping(quietMs), known, afterQuiet).steps, [])
    const leaked = revoke(overlapping(), 'new', { reason: 'leaked' }, startMs + 1)
    assert.deepEqual(decide(leaked, known, afterQuiet).steps, [])
  })

  it('of several is each judged by itself', () => {
    const two = succeed(overlapping(), secret('newest'), startMs + 2 * dayMs, startMs + hourMs)
    const atMs = startMs + hourMs + quietMs
    assert.deepEqual(decide(two, seen({ new: atMs }), atMs).steps, retireOld)
    const both = decide(two, seen({ newest: atMs }), atMs).steps
    assert.deepEqual(both, [...retireOld, { do: 'retire', id: 'new' }])
    const waiting = decide(two, seen({}), atMs).waiting.map(({ id, opensAt }) => [id, opensAt])
    assert.deepEqual(waiting, [
      ['old', untilMs],
      ['new', startMs + 2 * dayMs],
    ])
  })

  it('is looked at first when it can be quiet, then each hour until the client has moved on, and at its end', () => {
    const keyring = overlapping()
    assert.equal(nextDecisionAt(keyring, startMs), startMs + quietMs)
    const nothing = seen({})
    const lookAgain = (nowMs: number) => decide(keyring, nothing, nowMs).nextDecisionAt
    assert.equal(lookAgain(startMs + quietMs), startMs + quietMs + hourMs)
    assert.equal(lookAgain(untilMs - 1), untilMs)
  })
})

describe('the secret of a client that is not being replaced', () => {
  it('waits for nothing and is never looked at again, also when it is over', () => {
    const material = { ...secret('only'), expiresAt: startMs + 10 }
    const keyring = succeed(newClientKeyring('credential-1', 'client-secret', clientPolicy), material, null, startMs)
    for (const nowMs of [startMs, startMs + 10, startMs + dayMs]) {
      assert.deepEqual(decide(keyring, seen({}), nowMs), { steps: [], waiting: [], nextDecisionAt: null })
    }
    assert.equal(nextDecisionAt(keyring, startMs), null)
  })
})
