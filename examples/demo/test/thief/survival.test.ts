import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Probes } from '../../src/thief/survival.ts'

function probesOf(accepted: readonly [sentAt: number, accepted: boolean][]): Probes {
  const probes = new Probes()
  for (const [sentAt, was] of accepted) probes.record(sentAt, was)
  return probes
}

describe('how long a revoked key was still accepted', () => {
  it('is counted from the commit to the first probe after the last accepted one', () => {
    const probes = probesOf([
      [900, true],
      [1_000, true],
      [1_100, true],
      [1_200, false],
      [1_300, false],
    ])
    assert.deepEqual(probes.survival(950), { worked: true, acceptedForMs: 250 })
  })

  it('goes on when a key that was refused is accepted again', () => {
    const probes = probesOf([
      [900, true],
      [1_000, false],
      [1_100, true],
      [1_200, false],
    ])
    assert.equal(probes.survival(950).acceptedForMs, 250)
  })

  it('has no end where the last probe was still accepted', () => {
    assert.deepEqual(
      probesOf([
        [900, true],
        [2_000, true],
      ]).survival(1_000),
      { worked: true, acceptedForMs: null },
    )
  })

  it('does not count a refusal before the commit', () => {
    // A verifier may be told a moment before the answer of the database reaches anybody else.
    assert.equal(
      probesOf([
        [900, true],
        [990, false],
        [1_010, false],
      ]).survival(1_000).acceptedForMs,
      10,
    )
  })

  it('says when forged tokens never worked', () => {
    assert.equal(
      probesOf([
        [900, false],
        [1_100, false],
      ]).survival(1_000).worked,
      false,
    )
  })

  it('does not hang on the order in which the answers came', () => {
    const probe = fc.tuple(fc.nat(2_000), fc.boolean())
    const byTime = (a: [number, boolean], b: [number, boolean]) => a[0] - b[0]
    const distinct = fc.uniqueArray(probe, { selector: ([sentAt]) => sentAt, maxLength: 20 })
    fc.assert(
      fc.property(distinct, (seen) => {
        const inOrder = probesOf(seen.toSorted(byTime)).survival(1_000)
        assert.deepEqual(probesOf(seen).survival(1_000), inOrder)
        assert.ok(inOrder.acceptedForMs === null || inOrder.acceptedForMs >= 0)
      }),
    )
  })
})
