import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TrustSet } from '../../src/trust/set.ts'

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
})
