import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ReplayMemory } from '../../src/binding/replay.ts'
import { makeKey, NOW_MS, refused } from '../support/keys.ts'
import { bench, issued, jktOf, proofClaims, proofOf, sent } from './sender.ts'

describe('a proof that was used', () => {
  it('is refused for as long as it is fresh, and after that as too old', () => {
    const { clock, key, claims, present } = bench()
    const proof = proofOf(key, claims())
    present(proof)
    for (let passed = 0; passed < 60_000; passed += 4_000) {
      assert.throws(() => present(proof), refused('proof_replayed'))
      clock.advance(4_000)
    }
    clock.advance(1_000)
    assert.throws(() => present(proof), refused('proof_invalid'))
  })

  it('is refused when only its signature differs', () => {
    const { key, claims, present } = bench()
    const same = claims()
    present(proofOf(key, same))
    assert.throws(() => present(proofOf(key, { ...same, note: 1 })), refused('proof_replayed'))
  })

  it('is still refused after the wall clock was set back', () => {
    const { clock, key, claims, present } = bench()
    const proof = proofOf(key, claims())
    present(proof)
    clock.jumpWall(-4_000)
    clock.advance(63_000)
    assert.throws(() => present(proof), refused('proof_replayed'))
  })

  it('does not stop a proof of another key with the same jti', () => {
    const { key, claims, present, binding } = bench()
    present(proofOf(key, claims({ jti: 'same' })))
    const other = makeKey('ES256')
    const { text, token } = issued({ jkt: jktOf(other) })
    binding.check(token, sent(text, { dpop: proofOf(other, { ...proofClaims(text), jti: 'same' }) }))
  })

  it('is not remembered when it was refused: its sender may try again elsewhere', () => {
    const { key, claims, present } = bench()
    const same = claims()
    assert.throws(() => present(proofOf(key, { ...same, htm: 'POST' })), refused('proof_invalid'))
    present(proofOf(key, same))
  })
})

describe('a memory that is full', () => {
  it('refuses new proofs, still knows the old ones, and takes new ones when those have ended', () => {
    const { clock, key, claims, present } = bench({ dpop: { maxRemembered: 3 } })
    const proofs = [1, 2, 3].map(() => proofOf(key, claims()))
    for (const proof of proofs) present(proof)
    assert.throws(() => present(proofOf(key, claims())), refused('proof_memory_full'))
    for (const proof of proofs) assert.throws(() => present(proof), refused('proof_replayed'))
    clock.advance(75_000)
    present(proofOf(key, claims({ iat: clock.wallMs() / 1000 })))
  })

  it('is not kept full by proofs of before the wall clock was set back', () => {
    const memory = new ReplayMemory(10, 65_000)
    for (let i = 0; i < 5; i++) memory.use(`before-${i}`, NOW_MS + 60_000, NOW_MS)
    for (let nowMs = NOW_MS - 3_600_000; nowMs < NOW_MS; nowMs += 20_000) {
      assert.equal(memory.use(`at-${nowMs}`, nowMs + 60_000, nowMs), 'new')
    }
    assert.equal(memory.use('before-1', NOW_MS + 60_000, NOW_MS), 'replayed')
  })
})

describe('the memory of proofs', () => {
  it('knows exactly those that could still be used, and forgets the rest', () => {
    const step = fc.record({ proof: fc.integer({ min: 0, max: 30 }), lifeMs: fc.nat(65_000), passedMs: fc.nat(9_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const memory = new ReplayMemory(1000, 65_000)
        const ends = new Map<number, number>()
        let nowMs = NOW_MS
        for (const { proof, lifeMs, passedMs } of steps) {
          nowMs += passedMs
          const known = ends.get(proof)
          const use = memory.use(String(proof), nowMs + lifeMs, nowMs)
          if (known !== undefined && known >= nowMs) assert.equal(use, 'replayed')
          if (known === undefined) assert.equal(use, 'new')
          if (use === 'new') ends.set(proof, nowMs + lifeMs)
        }
        memory.use('last', nowMs + 200_000, nowMs + 140_000)
        assert.equal(memory.size, 1)
      }),
    )
  })
})
