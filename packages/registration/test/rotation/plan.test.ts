import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RegistrationError } from '../../src/error.ts'
import { type Jwk, thumbprintOf } from '../../src/keys/jwk.ts'
import type { RedirectMode } from '../../src/options/client-options.ts'
import { DAY_MS } from '../../src/rotation/due.ts'
import { stampOf } from '../../src/rotation/kid.ts'
import { type Plan, planChange, type Situation } from '../../src/rotation/plan.ts'

const now = 1_800_000_000_000

function jwk(name: string, kid: string): Jwk {
  return { kty: 'OKP', crv: 'Ed25519', x: createHash('sha256').update(name).digest('base64url'), kid }
}

/** A key that was made so many days ago, or one whose kid tells no age. */
function named(name: string, days?: number): Jwk {
  return jwk(name, days === undefined ? name : `${name}-${Math.floor((now - days * DAY_MS) / 1000)}-ab12`)
}

const signing = named('signing', 0)
const options = {
  rotateAfterDays: 30,
  retireAfterDays: 60,
  maxKeys: 3,
  redirectUris: [] as string[],
  redirectMode: 'auto' as RedirectMode,
}
const quiet: Situation = { keys: [], redirectUris: [], signing, current: undefined, own: [], options, now }
const kids = (plan: Plan) => plan.keys?.map(({ kid }) => kid)

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const keys = fc
  .uniqueArray(fc.record({ name, days: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }) }), {
    selector: ({ name }) => name,
  })
  .map((list) => list.map(({ name, days }) => named(name, days)))
const uris = fc.uniqueArray(fc.constantFrom('https://a/1', 'https://a/2', 'https://a/3', 'https://a/4'))
const situations = fc
  .record({
    keys,
    redirectUris: uris,
    ownAt: fc.array(fc.nat(6)),
    currentAt: fc.option(fc.nat(6)),
    retireAfterDays: fc.integer({ min: -1, max: 100 }),
    maxKeys: fc.integer({ min: -1, max: 6 }),
    given: uris,
    redirectMode: fc.constantFrom<RedirectMode>('auto', 'replace', 'merge', 'none'),
  })
  .map(({ keys, ownAt, currentAt, given, ...some }): Situation => {
    const current = keys[currentAt ?? -1]
    return {
      ...quiet,
      keys,
      redirectUris: some.redirectUris,
      current: current && thumbprintOf(current),
      own: ownAt.flatMap((at) => keys[at]?.kid ?? []),
      options: { ...options, ...some, redirectUris: given },
    }
  })

function attempt(situation: Situation): Plan | undefined {
  try {
    return planChange(situation)
  } catch (error) {
    assert.ok(error instanceof RegistrationError && error.code === 'TOO_MANY_KEYS')
    return undefined
  }
}

describe('every plan', () => {
  it('keeps the key that running processes sign with, and siblings’ keys until they are old', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const plan = attempt(situation)
        if (plan?.keys === undefined) return
        const { retireAfterDays } = situation.options
        for (const key of situation.keys.filter((key) => !plan.keys?.includes(key))) {
          assert.notEqual(thumbprintOf(key), situation.current)
          const stamp = stampOf(key.kid ?? '')
          const old = retireAfterDays > 0 && stamp !== undefined && now - stamp >= retireAfterDays * DAY_MS
          assert.ok(old || situation.own.includes(key.kid ?? ''), `${key.kid} was neither old nor of this folder`)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('holds the cap or is refused, and is refused only when the keys that must stay do not fit', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { maxKeys, retireAfterDays } = situation.options
        const plan = attempt(situation)
        if (plan?.keys !== undefined && maxKeys > 0) assert.ok(plan.keys.length <= maxKeys)
        if (plan !== undefined) return
        const staying = situation.keys.filter((key) => {
          if (thumbprintOf(key) === situation.current) return true
          const stamp = stampOf(key.kid ?? '')
          const old = retireAfterDays > 0 && stamp !== undefined && now - stamp >= retireAfterDays * DAY_MS
          return !old && !situation.own.includes(key.kid ?? '')
        })
        assert.ok(staying.length + 1 > maxKeys)
      }),
      { numRuns: 2000 },
    )
  })

  it('adds the signing key last, keeps the order of the others, and leaves nothing to plan', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const plan = attempt(situation)
        if (plan === undefined) return
        const after = plan.keys ?? situation.keys
        assert.deepEqual(after.at(-1), signing)
        assert.deepEqual(
          after.slice(0, -1),
          situation.keys.filter((key) => after.includes(key)),
        )
        const again = planChange({
          ...situation,
          keys: after,
          redirectUris: plan.redirectUris ?? situation.redirectUris,
        })
        assert.deepEqual(again, { keys: undefined, redirectUris: undefined, reasons: [] })
      }),
      { numRuns: 2000 },
    )
  })

  it('loses no redirect URI by merge, and changes none by none', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const planned = attempt({ ...situation, keys: [] })?.redirectUris
        if (situation.options.redirectMode === 'none') assert.equal(planned, undefined)
        if (situation.options.redirectMode !== 'merge' || planned === undefined) return
        assert.deepEqual(planned.slice(0, situation.redirectUris.length), situation.redirectUris)
        assert.deepEqual(new Set(planned), new Set([...situation.redirectUris, ...situation.options.redirectUris]))
      }),
    )
  })
})

describe('the keys of a plan', () => {
  it('drop this folder’s oldest for the cap', () => {
    const [first, second, third] = [named('one', 3), named('two', 2), named('three', 1)]
    const own = [first, second, third].map(({ kid }) => kid ?? '')
    const plan = planChange({ ...quiet, keys: [first, second, third], own, current: thumbprintOf(third) })
    assert.deepEqual(kids(plan), [second.kid, third.kid, signing.kid])
    assert.match(plan.reasons.join(), /drops one-\d+-ab12, replaced here earlier/)
  })

  it('of siblings that are young are a reason to refuse', () => {
    const keys = [named('one', 3), named('two', 2), named('three')]
    assert.throws(() => planChange({ ...quiet, keys }), { code: 'TOO_MANY_KEYS', message: /BFF_JWK_MAX_KEYS is 3/ })
  })

  it('go when their kid says that they are old, whosever they are, and only where one is added', () => {
    const keys = [named('old', 61), named('unknown'), signing]
    assert.equal(planChange({ ...quiet, keys }).keys, undefined)
    assert.deepEqual(kids(planChange({ ...quiet, keys: keys.slice(0, 2) })), ['unknown', signing.kid])
  })
})

describe('the redirect URIs of a plan', () => {
  const registered = ['https://a/1', 'https://a/2']
  const cases: [RedirectMode, string[], string[] | undefined][] = [
    ['auto', [], undefined],
    ['auto', ['https://a/2', 'https://a/1'], undefined],
    ['auto', ['https://a/3'], ['https://a/3']],
    ['replace', ['https://a/2', 'https://a/1'], ['https://a/2', 'https://a/1']],
    ['replace', registered, undefined],
    ['merge', ['https://a/3', 'https://a/1'], ['https://a/1', 'https://a/2', 'https://a/3']],
    ['merge', ['https://a/2'], undefined],
    ['none', ['https://a/3'], undefined],
  ]
  for (const [mode, given, planned] of cases) {
    it(`by mode ${mode} of ${given.join(' ') || 'nothing'} are ${planned?.join(' ') ?? 'as they were'}`, () => {
      const plan = planChange({
        ...quiet,
        keys: [signing],
        redirectUris: registered,
        options: { ...options, redirectUris: given, redirectMode: mode },
      })
      assert.deepEqual(plan.redirectUris, planned)
    })
  }
})
