import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeSharedSecret } from '../../src/kinds/shared-secret.ts'
import { type Keyring, newKeyring } from '../../src/lifecycle/keyring.ts'
import {
  activate,
  markDemoted,
  markServed,
  prepare,
  requestRotation,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { look } from '../decide/look.ts'
import { evidence, material, saved, startMs, upToDate } from '../samples.ts'

/** `first` is active, `second` in reserve, and a rotation was asked for: revision 2. */
function rotating(policy: Policy = defaultPolicy): Keyring {
  let keyring = prepare(newKeyring('api', 'shared-secret', 'HS256', policy), material('first'), startMs)
  keyring = markServed(activate(keyring, 'first', startMs), 'first', startMs)
  keyring = saved(undefined, markServed(prepare(keyring, material('second'), startMs), 'second', startMs))
  return saved(keyring, requestRotation(keyring, { by: 'ops', forced: false }, startMs))
}

describe('a shared secret', () => {
  it('is used when every live process that verifies has loaded it; there are no others to wait for', () => {
    const { steps } = look(rotating(), evidence({ idp: 2 }, { api: 1, web: 2 }), startMs)
    assert.deepEqual(steps, [{ do: 'activate', id: 'second' }])
  })

  it('is not used while a process that verifies has not loaded it, and the reason names that one', () => {
    const { steps, waiting } = look(rotating(), evidence({ idp: 2 }, { api: 2, web: 0 }), startMs)
    assert.deepEqual(steps, [])
    assert.deepEqual([waiting[0]?.gate, waiting[0]?.for], ['propagated', ['verifier web']])
  })

  it('waits for such a process no longer than the policy says', () => {
    const impatient = rotating({ ...defaultPolicy, verifierPatienceMs: 2_000 })
    const lagging = evidence({ idp: 2 }, { web: 0 })
    assert.equal(look(impatient, lagging, startMs + 1_999).waiting[0]?.opensAt, startMs + 2_000)
    assert.deepEqual(look(impatient, lagging, startMs + 2_000).steps, [{ do: 'activate', id: 'second' }])
  })

  it('is retired when the last token signed with it has expired, and until then nobody throws it away', () => {
    const before = rotating()
    const demoted = saved(before, markDemoted(activate(before, 'second', startMs), 'first', startMs))
    const drainedMs = startMs + defaultPolicy.maxTokenTtlMs + defaultPolicy.skewMs
    for (const nowMs of [startMs + defaultPolicy.rollbackWindowMs, drainedMs - 1]) {
      const { steps, waiting } = look(demoted, upToDate, nowMs)
      assert.deepEqual(steps, [{ do: 'prepare' }])
      assert.equal(waiting.find(({ id }) => id === 'first')?.opensAt, drainedMs)
    }
    assert.deepEqual(look(demoted, upToDate, drainedMs).steps[0], { do: 'retire', id: 'first' })
  })

  it('can be rolled back to for as long as it is accepted', () => {
    const rolledBack = rollBack(activate(rotating(), 'second', startMs), startMs + 1)
    assert.deepEqual(
      rolledBack.versions.map(({ id, state }) => [id, state]),
      [
        ['first', 'active'],
        ['second', 'retiring'],
      ],
    )
  })
})

describe('a shared secret that is made', () => {
  it('is as long as its algorithm wants it, random, and nowhere but in the private part', async () => {
    const bytes = { HS256: 32, HS384: 48, HS512: 64 }
    for (const [algorithm, length] of Object.entries(bytes)) {
      const keyring = newKeyring('api', 'shared-secret', algorithm, defaultPolicy)
      const [one, two] = [await makeSharedSecret(keyring), await makeSharedSecret(keyring)]
      assert.equal(Buffer.from(one.sealedPrivate ?? '', 'base64url').length, length)
      assert.notEqual(one.sealedPrivate, two.sealedPrivate)
      assert.notEqual(one.id, two.id)
      assert.deepEqual(one.publicPart, { kid: one.id, alg: algorithm })
    }
  })

  it('is refused for an algorithm that has none', async () => {
    await assert.rejects(makeSharedSecret(newKeyring('api', 'shared-secret', 'ES256', defaultPolicy)), TypeError)
  })
})
