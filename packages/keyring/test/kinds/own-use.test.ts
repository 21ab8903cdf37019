import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Evidence, Held } from '../../src/decide/evidence.ts'
import { makeSalt } from '../../src/kinds/salt.ts'
import { makeSealingKey } from '../../src/kinds/sealing-key.ts'
import { type Keyring, newKeyring } from '../../src/lifecycle/keyring.ts'
import {
  acceptFormer,
  activate,
  adoptPolicy,
  markDemoted,
  markEmptied,
  markServed,
  prepare,
  requestRevocation,
  requestRotation,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { nextDecisionAt } from '../../src/stores/store.ts'
import { look } from '../decide/look.ts'
import { evidence, material, runs, saved, startMs, upToDate } from '../samples.ts'

const kinds = [
  {
    kind: 'sealing-key',
    make: makeSealingKey,
    one: '1 live session',
    several: '3 live sessions',
    underWay: 'requests with what first made that were under way',
  },
  { kind: 'salt', make: makeSalt, one: '1 stored hash', several: '3 stored hashes', underWay: undefined },
] as const

type Name = (typeof kinds)[number]['kind']

/** What was being made while the demotion was confirmed has arrived by then. */
const onTheWayMs = 10_000
/** Whatever was sent before the last of it moved on has arrived by then. */
const underWayMs = 30_000

/** `first` is active, `second` in reserve and served, and a rotation was asked for: revision 2. */
function rotating(kind: Name, policy: Policy = defaultPolicy): Keyring {
  let keyring = prepare(newKeyring('session', kind, '', policy), material('first'), startMs)
  keyring = markServed(activate(keyring, 'first', startMs), 'first', startMs)
  keyring = saved(undefined, markServed(prepare(keyring, material('second'), startMs), 'second', startMs))
  return saved(keyring, requestRotation(keyring, { by: 'ops', forced: false }, startMs))
}

/** `second` took over from `first`, which every instance was seen to have let go of at the start. */
function demoted(kind: Name, policy: Policy = defaultPolicy): Keyring {
  const before = rotating(kind, policy)
  return saved(before, markDemoted(activate(before, 'second', startMs), 'first', startMs))
}

/** Nothing was seen to hang on `first` any more when all that had been on its way was there. */
function emptied(kind: Name): Keyring {
  const before = demoted(kind)
  return kind === 'salt' ? before : saved(before, markEmptied(before, 'first', startMs + onTheWayMs))
}

/** When it may go at the earliest. */
const leftMs = (kind: Name) => startMs + onTheWayMs + (kind === 'salt' ? 0 : underWayMs)
const held = (counts: Record<string, Held>): Evidence => ({ ...upToDate, held: new Map(Object.entries(counts)) })
const isEmptied = (keyring: Keyring, seen: Evidence, nowMs: number) =>
  look(keyring, seen, nowMs).steps.some((step) => step.do === 'mark-emptied' && step.id === 'first')
const isRetired = (keyring: Keyring, seen: Evidence, nowMs: number) =>
  look(keyring, seen, nowMs).steps.some((step) => step.do === 'retire' && step.id === 'first')
const waitsFor = (keyring: Keyring, seen: Evidence, nowMs: number) =>
  look(keyring, seen, nowMs).waiting.find(({ step }) => step === 'retire')

for (const { kind, make, one, several, underWay } of kinds) {
  describe(`a version of kind ${kind}`, () => {
    it('is used when every live instance serves it, and nobody else is waited for', () => {
      const keyring = rotating(kind, { ...defaultPolicy, anonymousPropagationMs: 600_000 })
      const { steps } = look(keyring, evidence({ a: 2 }, { somebody: 0 }), startMs)
      assert.deepEqual(steps, [{ do: 'activate', id: 'second' }])
    })

    it('is not used before that', () => {
      const before = prepare(newKeyring('session', kind, '', defaultPolicy), material('first'), startMs)
      const standby = prepare(activate(before, 'first', startMs), material('second'), startMs)
      const keyring = saved(undefined, requestRotation(standby, { by: 'ops', forced: true }, startMs))
      const { steps, waiting } = look(keyring, evidence({ a: 1, b: 0 }), startMs)
      assert.deepEqual(steps, [])
      assert.ok(waiting.some(({ gate, for: parties }) => gate === 'propagated' && parties.length === 1))
    })

    it('that is replaced waits for what hangs on it, and tells how much that is and when the last of it ends', () => {
      const untilMs = startMs + 900_000
      const wait = waitsFor(demoted(kind), held({ first: { count: 3, until: untilMs } }), startMs + onTheWayMs)
      assert.deepEqual(wait && [wait.gate, wait.for, wait.opensAt], ['drained', [several], untilMs])
      const last = waitsFor(demoted(kind), held({ first: { count: 1, until: null } }), startMs + onTheWayMs)
      assert.deepEqual(last && [last.for, last.opensAt], [[one], null])
    })

    it('is retired when nothing hangs on it, however long that might have lasted', () => {
      for (const seen of [held({}), held({ second: { count: 9, until: null } }), held({ first: noneLeft })]) {
        assert.equal(isRetired(emptied(kind), seen, leftMs(kind)), true)
      }
    })

    it('is kept for requests that were sent before the last of it moved on, where it is they that bear it', () => {
      const seen = held({})
      assert.equal(isEmptied(demoted(kind), seen, startMs + onTheWayMs), underWay !== undefined)
      assert.equal(isRetired(emptied(kind), seen, leftMs(kind) - 1), false)
      if (underWay === undefined) return
      assert.equal(isRetired(demoted(kind), seen, startMs + 1e9), false)
      const wait = waitsFor(emptied(kind), seen, startMs + onTheWayMs)
      assert.deepEqual([wait?.for, wait?.opensAt], [[underWay], leftMs(kind)])
      assert.equal(isEmptied(emptied(kind), seen, leftMs(kind)), false)
    })

    it('counts from the beginning again when it was rolled back to', () => {
      const back = rollBack(emptied(kind), startMs + underWayMs)
      assert.deepEqual([back.versions[0]?.state, back.versions[0]?.emptiedAt], ['active', undefined])
    })

    it('is kept for what was on its way to be counted when it was demoted', () => {
      const early = startMs + onTheWayMs - 1
      for (const [seen, nowMs] of [
        [held({}), early],
        [{ ...held({}), heldAt: early }, startMs + 1e9],
      ] as const) {
        assert.deepEqual([isRetired(demoted(kind), seen, nowMs), isEmptied(demoted(kind), seen, nowMs)], [false, false])
      }
      assert.equal(waitsFor(demoted(kind), held({}), startMs)?.opensAt, startMs + onTheWayMs)
    })

    it('is not retired while an instance may still produce with it, whatever was counted', () => {
      const before = rotating(kind)
      const keyring = saved(before, activate(before, 'second', startMs))
      const behind = { ...evidence({ a: 3, b: 2 }, {}, startMs + 1e12), held: new Map() }
      assert.deepEqual(look(keyring, behind, startMs + 1e10).steps.slice(0, 1), [{ do: 'prepare' }])
      assert.equal(isRetired(keyring, behind, startMs + 1e10), false)
    })

    it('is retired when it must be, and never before, whatever is counted', () => {
      const life = fc.nat(86_000_000)
      const count = fc.option(fc.nat(3), { nil: undefined })
      fc.assert(
        fc.property(life, fc.nat(300_000), count, fc.nat(90_000_000), (maxTokenTtlMs, skewMs, hanging, ageMs) => {
          const keyring = { ...emptied(kind), policy: { ...defaultPolicy, maxTokenTtlMs, skewMs } }
          const seen = hanging === undefined ? upToDate : held({ first: { count: hanging, until: startMs } })
          const needed =
            hanging === undefined ? ageMs < maxTokenTtlMs + skewMs : hanging > 0 || startMs + ageMs < leftMs(kind)
          assert.equal(isRetired(keyring, seen, startMs + ageMs), !needed)
          assert.equal(waitsFor(keyring, seen, startMs + ageMs) !== undefined, needed)
        }),
        runs(500),
      )
    })

    it('is looked at again by a store when all that can have been made with it is over', () => {
      const { maxTokenTtlMs, skewMs } = defaultPolicy
      const settled = saved(undefined, markServed(prepare(demoted(kind), material('third'), startMs), 'third', startMs))
      assert.equal(nextDecisionAt(settled, startMs), startMs + maxTokenTtlMs + skewMs)
    })

    it('keeps its private part and can be rolled back to for as long as it is accepted', () => {
      const lateMs = startMs + 10 * defaultPolicy.rollbackWindowMs
      const seen = held({ first: { count: 1, until: null } })
      assert.ok(look(demoted(kind), seen, lateMs).steps.every((step) => step.do !== 'erase-private'))
      assert.equal(rollBack(demoted(kind), lateMs).versions[0]?.state, 'active')
    })

    it('that was produced with elsewhere is let go of like one that was replaced', () => {
      const before = rotating(kind)
      const taken = saved(before, acceptFormer(before, material('former'), startMs))
      const seen = { ...evidence({ a: 3 }), held: new Map([['former', { count: 1, until: null }]]) }
      assert.ok(look(taken, seen, startMs).steps.some((step) => step.do === 'mark-demoted' && step.id === 'former'))
      const demotedNow = saved(taken, markDemoted(taken, 'former', startMs))
      assert.deepEqual(waitsFor(demotedNow, seen, startMs + onTheWayMs)?.for, [one])
    })

    it('that is to be revoked gives way to the one in reserve and is refused then, whatever hangs on it', () => {
      const before = rotating(kind)
      const asked = saved(before, requestRevocation(before, 'first', { by: 'ops', reason: 'stolen' }, startMs))
      assert.deepEqual(look(asked, evidence({ a: 3 }), startMs).steps[0], { do: 'activate', id: 'second' })
      const replaced = saved(asked, activate(asked, 'second', startMs))
      const seen = { ...evidence({ a: 4 }), held: new Map([['first', { count: 3, until: null }]]) }
      assert.equal(look(replaced, seen, startMs).steps[0]?.do, 'revoke')
    })

    it('is made for a keyring that was not there, with one in reserve, under the policy given', async () => {
      const store = memoryStore(() => startMs)
      const keyring = await ensureKeyring({ store, make }, { name: 'own', kind, algorithm: '', policy: defaultPolicy })
      assert.deepEqual([keyring.kind, keyring.versions.map(({ state }) => state)], [kind, ['active', 'prepared']])
    })

    it('goes on under a policy by which things live longer', () => {
      const policy = { ...defaultPolicy, maxTokenTtlMs: 2 * defaultPolicy.maxTokenTtlMs }
      assert.equal(adoptPolicy(demoted(kind), policy).policy.maxTokenTtlMs, policy.maxTokenTtlMs)
      assert.equal(adoptPolicy(demoted(kind, policy), defaultPolicy).policy.maxTokenTtlMs, policy.maxTokenTtlMs)
    })

    it('has 256 random bits, nowhere but in its private part, under a name that tells the keyring', async () => {
      const [some, other] = [await make({ name: 'own-use' }), await make({ name: 'own-use' })]
      assert.equal(Buffer.from(some.sealedPrivate ?? '', 'base64url').length, 32)
      assert.notEqual(some.sealedPrivate, other.sealedPrivate)
      assert.match(some.id, /^own-use-[0-9a-f]{12}$/)
      assert.notEqual(some.id, other.id)
      assert.deepEqual(some.publicPart, {})
    })
  })
}

const noneLeft: Held = { count: 0, until: null }
