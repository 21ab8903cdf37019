import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Evidence } from '../../src/decide/evidence.ts'
import { issuanceGate, verifiersRefusing } from '../../src/decide/issuance.ts'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { newKeyring } from '../../src/lifecycle/keyring.ts'
import { activate, markServed, prepare, requestRevocation, requestRotation } from '../../src/lifecycle/transition.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { evidence, material, runs, saved, settled, startMs, upToDate } from '../samples.ts'
import { look } from './look.ts'

const knownReadersOnly: Policy = { ...defaultPolicy, anonymousPropagationMs: 0 }
const leaseUntil = startMs + 10_000
const open = { open: true }

/** Saved as revision 1; its algorithm is ES256. */
const target = (policy = knownReadersOnly): Keyring => saved(undefined, settled('signing', startMs, policy))

const api = (algorithms: string[], holds = 1, id = 'api'): Evidence => ({
  instances: [],
  verifiers: [{ id, holds, algorithms, leaseUntil }],
})

const gate = (keyring: Keyring, known: Evidence, nowMs = startMs, forced = false) =>
  issuanceGate(keyring, known, nowMs, { forced })

const closed = (...parties: string[]) => ({ open: false, for: parties, opensAt: leaseUntil })

describe('issuing by a keyring that was not issued by before', () => {
  it('waits for nobody when there are no verifiers and no anonymous readers', () => {
    assert.deepEqual(gate(target(), upToDate), open)
  })

  it('waits for each live verifier that does not allow its algorithm, or has not said which it allows', () => {
    assert.deepEqual(gate(target(), api(['RS256', 'ES256'])), open)
    assert.deepEqual(gate(target(), api(['RS256'])), closed('verifier api to allow ES256'))
    assert.deepEqual(gate(target(), api([])), closed('verifier api to allow ES256'))
  })

  it('has no patience that would end the wait for an algorithm', () => {
    const keyring = target({ ...knownReadersOnly, verifierPatienceMs: 0 })
    assert.deepEqual(gate(keyring, api(['RS256']), startMs + 9_000), closed('verifier api to allow ES256'))
    assert.deepEqual(gate(keyring, api(['ES256'], 0)), open)
  })

  it('waits for a verifier that does not hold its active key', () => {
    assert.deepEqual(gate(target(), api(['ES256'], 0)), closed('verifier api'))
    assert.deepEqual(gate(target(), api([], 0)), closed('verifier api to allow ES256', 'verifier api'))
  })

  it('waits for anonymous readers, counted from when every instance served the active key', () => {
    const keyring = target(defaultPolicy)
    const opensAt = startMs + defaultPolicy.anonymousPropagationMs
    assert.deepEqual(gate(keyring, upToDate, opensAt - 1), { open: false, for: ['anonymous readers'], opensAt })
    assert.deepEqual(gate(keyring, upToDate, opensAt), open)
    assert.deepEqual(gate(keyring, api([])), {
      open: false,
      for: ['verifier api to allow ES256', 'anonymous readers'],
      opensAt,
    })
  })

  it('waits until every instance serves the active key, forced or not', () => {
    const unserved = { open: false, for: ['every instance to serve it'], opensAt: null }
    assert.deepEqual(gate(fresh(), upToDate), unserved)
    assert.deepEqual(gate(fresh(), api(['RS256']), startMs, true), unserved)
    assert.deepEqual(gate(fresh(), api([])), { ...unserved, for: ['verifier api to allow ES256', ...unserved.for] })
  })

  it('waits for nobody else when it is forced', () => {
    assert.deepEqual(gate(target(defaultPolicy), api(['RS256'], 0), startMs, true), open)
  })

  it('takes no force from a rotation that is forced: that one speaks for the successor', () => {
    const before = target()
    const rotating = saved(before, requestRotation(before, { by: 'ops', forced: true }, startMs))
    assert.deepEqual(gate(rotating, api(['ES256'], 0)), closed('verifier api'))
  })

  it('never begins with a key that is to be revoked', () => {
    const before = target()
    const doomed = saved(before, requestRevocation(before, 'first', { by: 'ops', reason: 'stolen' }, startMs))
    const waits = { open: false, for: ['a good active version of signing'], opensAt: null }
    assert.deepEqual(gate(doomed, upToDate), waits)
    assert.deepEqual(gate(doomed, upToDate, startMs, true), waits)
  })

  it('begins exactly when all verifiers allow the algorithm and hold the key', () => {
    const verifiers = fc.array(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c'),
        holds: fc.nat(2),
        algorithms: fc.subarray(['ES256', 'RS256', 'EdDSA']),
        leaseUntil: fc.constant(leaseUntil),
      }),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(verifiers, fc.boolean(), (all, forced) => {
        const ready = all.every(({ holds, algorithms }) => holds >= 1 && algorithms.includes('ES256'))
        assert.equal(gate(target(), { instances: [], verifiers: all }, startMs, forced).open, forced || ready)
      }),
      runs(300),
    )
  })
})

describe('verifiers that refuse an algorithm', () => {
  it('are those that said so, not those that have not said', () => {
    assert.deepEqual(verifiersRefusing(target(), api(['RS256'])), ['api'])
    assert.deepEqual(verifiersRefusing(target(), api(['ES256'])), [])
    assert.deepEqual(verifiersRefusing(target(), api([])), [])
  })
})

describe('the first version of a keyring', () => {
  it('is marked as served when every live instance has applied it', () => {
    assert.deepEqual(stepsOf(fresh(), evidence({ idp: 0 })), [])
    assert.ok(stepsOf(fresh(), evidence({ idp: 1 })).includes('mark-served first'))
    assert.ok(
      look(fresh(), evidence({ idp: 0 }), startMs).waiting.some(
        ({ id, gate: name }) => id === 'first' && name === 'served',
      ),
    )
  })

  it('does not hold a first rotation up: that comes before', () => {
    const before = fresh()
    const standby = versionServed(saved(before, requestRotation(before, { by: 'ops', forced: false }, startMs)))
    assert.equal(stepsOf(standby, upToDate)[0], 'activate second')
  })

  const versionServed = (keyring: Keyring) => saved(keyring, markServed(keyring, 'second', startMs))
  const stepsOf = (keyring: Keyring, known: Evidence) =>
    look(keyring, known, startMs).steps.map((step) => ('id' in step ? `${step.do} ${step.id}` : step.do))
})

/** As it is made at the very start: nobody was seen to serve anything yet. */
function fresh(): Keyring {
  const bare = newKeyring('signing', 'signing-key', 'ES256', knownReadersOnly)
  const active = activate(prepare(bare, material('first'), startMs), 'first', startMs)
  return saved(undefined, prepare(active, material('second'), startMs))
}
