import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TrustSet } from '../../src/trust/set.ts'
import { one, two } from '../support/estate.ts'
import { makeKey } from '../support/keys.ts'

const kid = fc.constantFrom('a', 'b', 'c', 'd')
const change = fc.record(
  { keys: fc.array(kid.map((name) => ({ kid: name, kty: 'EC' }))), revokedKids: fc.array(kid) },
  { requiredKeys: [] },
)

describe('a trust set', () => {
  it('never lists a kid again once it was revoked, whatever comes later', () => {
    fc.assert(
      fc.property(fc.array(change), fc.array(kid), (changes, remembered) => {
        const set = new TrustSet(remembered)
        const revoked = new Set(remembered)
        for (const next of changes) {
          set.apply(next)
          for (const name of next.revokedKids ?? []) revoked.add(name)
          for (const name of revoked) {
            assert.ok(!set.kids.includes(name))
            assert.equal(set.whyAbsent(name), 'key_revoked')
          }
        }
      }),
    )
  })

  it('tells exactly what each change did', () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const set = new TrustSet()
        for (const next of changes) {
          const before = new Set(set.kids)
          const { added, removed } = set.apply(next)
          for (const name of removed) assert.ok(before.delete(name))
          for (const name of added) assert.ok(!before.has(name) && before.add(name))
          assert.deepEqual([...before].toSorted(), set.kids.toSorted())
        }
      }),
    )
  })

  it('knows a retired kid from one it never saw, until it is back', () => {
    const set = new TrustSet()
    set.apply({ keys: [{ kid: 'a' }] })
    set.apply({ keys: [{ kid: 'b' }] })
    assert.equal(set.whyAbsent('a'), 'key_retired')
    assert.equal(set.whyAbsent('z'), 'key_unknown')
    set.apply({ keys: [{ kid: 'a' }, { kid: 'b' }] })
    assert.equal(set.whyAbsent('a'), 'key_unknown')
  })

  it('keeps the object of a key that did not change, so that it is not imported again', () => {
    const set = new TrustSet()
    set.apply({ keys: [{ kid: 'a', kty: 'EC' }] })
    const [before] = set.jwks.keys
    set.apply({ keys: [{ kid: 'b' }, { kid: 'a', kty: 'EC' }] })
    assert.equal(set.jwks.keys[1], before)
  })

  it('stays the same object for as long as no key comes, goes or changes, in whatever order they are listed', () => {
    const [a, b] = [one.jwk, two.jwk]
    const set = new TrustSet()
    set.apply({ keys: [a, b] })
    const before = set.jwks
    for (const keys of [[{ ...a }, { ...b }], [b, a], [a, b, { ...a }], undefined]) {
      set.apply({ keys })
      assert.equal(set.jwks, before)
    }
    for (const keys of [[a], [a, { ...b, use: 'enc' }], [], [a, b]]) {
      const last = set.jwks
      set.apply({ keys })
      assert.notEqual(set.jwks, last)
    }
    set.apply({ revokedKids: ['one'] })
    assert.deepEqual(set.jwks.keys, [b])
  })

  it('knows which kids are used for another key than ever before, also after they were withdrawn', () => {
    const other = makeKey('ES256', 'one').jwk
    const set = new TrustSet()
    assert.deepEqual(set.reusedIn([one.jwk, other]), [])
    set.apply({ keys: [one.jwk, two.jwk] })
    assert.deepEqual(set.reusedIn([two.jwk, { ...one.jwk, alg: 'x', use: 'enc', x5t: 'y' }]), [])
    assert.deepEqual(set.reusedIn([two.jwk, other]), ['one'])
    assert.deepEqual(set.reusedIn([one.jwk, other, null as never]), ['one'])
    set.apply({ keys: [two.jwk] })
    assert.deepEqual(set.reusedIn([one.jwk]), [])
    assert.deepEqual(set.reusedIn([other]), ['one'])
  })
})
