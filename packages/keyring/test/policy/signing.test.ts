import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyringError } from '../../src/error.ts'
import { newKeyring } from '../../src/lifecycle/keyring.ts'
import { adoptPolicy } from '../../src/lifecycle/transition.ts'
import { checkPolicy, defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { runs } from '../samples.ts'

const invalid = { name: 'KeyringError', code: 'POLICY_INVALID' }
const withPolicy = (policy: Policy) => newKeyring('signing', 'signing-key', 'ES256', policy)

describe('a policy', () => {
  it('that production starts with is sound', () => checkPolicy(defaultPolicy))

  it('is refused when tokens may outlive the key that they need', () => {
    const { maxGraceMs, skewMs } = defaultPolicy
    checkPolicy({ ...defaultPolicy, maxTokenTtlMs: maxGraceMs - skewMs })
    assert.throws(() => checkPolicy({ ...defaultPolicy, maxTokenTtlMs: maxGraceMs - skewMs + 1 }), invalid)
  })

  it('is refused when a cached JWKS may outlive the wait for anonymous readers', () => {
    const { jwksMaxAgeMs, skewMs } = defaultPolicy
    checkPolicy({ ...defaultPolicy, anonymousPropagationMs: jwksMaxAgeMs + skewMs })
    const short = { ...defaultPolicy, anonymousPropagationMs: jwksMaxAgeMs + skewMs - 1 }
    assert.throws(() => checkPolicy(short), invalid)
  })

  it('may declare that there are no anonymous readers', () =>
    checkPolicy({ ...defaultPolicy, anonymousPropagationMs: 0 }))

  it('is refused when a keyring could never come to rest', () => {
    assert.throws(() => checkPolicy({ ...defaultPolicy, rotateEveryMs: 0 }), invalid)
  })

  for (const name of Object.keys(defaultPolicy)) {
    it(`is refused when ${name} is no number of milliseconds`, () => {
      for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 99_999 * 86_400_000 + 1, '1h', undefined]) {
        assert.throws(() => checkPolicy({ ...defaultPolicy, [name]: value }), { ...invalid, message: new RegExp(name) })
      }
    })
  }
})

describe('taking over a policy', () => {
  const lower: Policy = { ...defaultPolicy, maxTokenTtlMs: 1_000, jwksMaxAgeMs: 1_000, anonymousPropagationMs: 31_000 }

  it('never lowers how long tokens already signed may live', () => {
    assert.equal(adoptPolicy(withPolicy(defaultPolicy), lower).policy.maxTokenTtlMs, defaultPolicy.maxTokenTtlMs)
  })

  it('never lowers how long a JWKS that was handed out may be cached, nor the wait that follows from it', () => {
    const { jwksMaxAgeMs, anonymousPropagationMs } = adoptPolicy(withPolicy(defaultPolicy), lower).policy
    assert.equal(jwksMaxAgeMs, defaultPolicy.jwksMaxAgeMs)
    assert.equal(anonymousPropagationMs, defaultPolicy.jwksMaxAgeMs + defaultPolicy.skewMs)
  })

  it('raises both', () => {
    const { policy } = adoptPolicy(withPolicy(lower), defaultPolicy)
    assert.deepEqual(policy, defaultPolicy)
  })

  it('lets an operator declare that there are no anonymous readers any more', () => {
    const declared = { ...defaultPolicy, anonymousPropagationMs: 0 }
    assert.equal(adoptPolicy(withPolicy(defaultPolicy), declared).policy.anonymousPropagationMs, 0)
  })

  it('is refused when the tokens already signed would outlive the new maxGrace', () => {
    assert.throws(() => adoptPolicy(withPolicy(defaultPolicy), { ...lower, maxGraceMs: 60_000 }), invalid)
  })

  it('of any two sound policies ends with a sound one, or is refused, and raises what others rely on', () => {
    fc.assert(
      fc.property(anyPolicy, anyPolicy, (before, after) => {
        fc.pre(isSound(before) && isSound(after))
        const merged = adopted(before, after)
        if (!merged) return
        checkPolicy(merged)
        assert.ok(merged.maxTokenTtlMs >= before.maxTokenTtlMs && merged.maxTokenTtlMs >= after.maxTokenTtlMs)
        assert.ok(merged.jwksMaxAgeMs >= before.jwksMaxAgeMs && merged.jwksMaxAgeMs >= after.jwksMaxAgeMs)
      }),
      runs(200),
    )
  })
})

const someMs = fc.integer({ min: 0, max: 1_000 })
const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  rotateEveryMs: fc.integer({ min: 1, max: 1_000 }),
  verifierPatienceMs: fc.option(someMs),
  anonymousPropagationMs: fc.oneof(fc.constant(0), someMs),
  jwksMaxAgeMs: fc.nat(100),
  maxTokenTtlMs: someMs,
  skewMs: fc.nat(50),
  maxGraceMs: fc.integer({ min: 500, max: 2_000 }),
  rollbackWindowMs: someMs,
})

function adopted(before: Policy, after: Policy): Policy | undefined {
  return attempt(() => adoptPolicy(withPolicy(before), after).policy)
}

function isSound(policy: Policy): boolean {
  return attempt(() => checkPolicy(policy) ?? true) === true
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof KeyringError && error.code === 'POLICY_INVALID') return undefined
    throw error
  }
}
