import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { activeVersion, newKeyring, stamp, standbyVersion, versionOf } from '../../src/lifecycle/keyring.ts'
import {
  activate,
  adoptPolicy,
  discard,
  markDemoted,
  markServed,
  prepare,
  requestRotation,
  retire,
  revoke,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import { isAccepted } from '../../src/lifecycle/version.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { everyState, material, saved, settled, startMs } from '../samples.ts'

describe('a keyring', () => {
  for (const name of ['signing-es256', 'a', `a${'b'.repeat(62)}`]) {
    it(`may be called ${name}`, () => assert.equal(newKeyring(name, 'signing-key', 'ES256', defaultPolicy).name, name))
  }

  for (const name of ['', 'A', '1st', '-a', 'a_b', 'a/b', '..', 'a.b', 'a\n', `a${'b'.repeat(63)}`]) {
    it(`may not be called ${JSON.stringify(name)}`, () => {
      assert.throws(() => newKeyring(name, 'signing-key', 'ES256', defaultPolicy), { code: 'INVALID_NAME' })
    })
  }

  it('accepts what is prepared, active or retiring, and nothing else', () => {
    const accepted = everyState(startMs).versions.filter(isAccepted)
    assert.deepEqual(accepted.map(({ state }) => state).sort(), ['active', 'prepared', 'retiring'])
  })

  it('has its oldest prepared version in reserve', () => {
    const two = prepare(settled('signing', startMs), material('third'), startMs)
    assert.equal(standbyVersion(two)?.id, 'second')
    assert.equal(activeVersion(two)?.id, 'first')
  })
})

describe('the stamp of a save', () => {
  const before = saved(undefined, activate(settled('signing', startMs), 'second', startMs))

  it('gives new versions the revision in which they first stood, and leaves the others theirs', () => {
    const after = stamp(before, prepare(before, material('third'), startMs), 9)
    assert.deepEqual(
      after.versions.map(({ id, since }) => [id, since]),
      [
        ['first', 1],
        ['second', 1],
        ['third', 9],
      ],
    )
  })

  const ready = prepare(before, material('third'), startMs)
  const base = saved(before, ready)
  const published = {
    prepare: prepare(base, material('fourth'), startMs),
    discard: discard(base, 'third', startMs),
    retire: retire(base, 'first', startMs),
    'revoke of a prepared version': revoke(base, 'third', { reason: 'leaked' }, startMs),
    'revoke of a retiring version': revoke(base, 'first', { reason: 'leaked' }, startMs),
  }
  for (const [name, next] of Object.entries(published)) {
    it(`tells verifiers of ${name}`, () => assert.equal(stamp(base, next, 9).publishedRevision, 9))
  }

  const unpublished = {
    activate: activate(base, 'third', startMs),
    'roll back': rollBack(base, startMs),
    'mark served': markServed(base, 'third', startMs),
    'mark demoted': markDemoted(base, 'first', startMs),
    'a request': requestRotation(base, { by: 'ops', forced: false }, startMs),
    'a policy': adoptPolicy(base, { ...defaultPolicy, rotateEveryMs: 1 }),
  }
  for (const [name, next] of Object.entries(unpublished)) {
    it(`does not send verifiers to look at ${name}`, () => {
      const { revision, publishedRevision } = stamp(base, next, 9)
      assert.deepEqual({ revision, publishedRevision }, { revision: 9, publishedRevision: base.publishedRevision })
    })
  }

  it('tells verifiers of a revocation once', () => {
    const revoked = stamp(base, revoke(base, 'first', { reason: 'leaked' }, startMs), 5)
    assert.equal(stamp(revoked, revoke(revoked, 'first', { reason: 'again' }, startMs), 6).publishedRevision, 5)
    assert.equal(versionOf(revoked, 'first').since, 1)
  })
})
