import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KeyringError } from '../../src/error.ts'
import { activeVersion, type Keyring, standbyVersion, versionOf } from '../../src/lifecycle/keyring.ts'
import {
  activate,
  discard,
  markDemoted,
  prepare,
  requestRevocation,
  revoke,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { evidence, material, saved, settled, startMs, upToDate } from '../samples.ts'
import { look } from './look.ts'

const cause = { by: 'ops', reason: 'stolen', incident: 'INC-1' }
const before = saved(undefined, settled('signing', startMs))

function revoking(id: string, keyring: Keyring = before): Keyring {
  return saved(keyring, requestRevocation(keyring, id, cause, startMs))
}

/** The active one is to be revoked, and its successor is active already. */
function replaced(): Keyring {
  const asked = revoking('first')
  return saved(asked, activate(asked, 'second', startMs))
}

const stepsOf = (keyring: Keyring, parties = upToDate, nowMs = startMs) =>
  look(keyring, parties, nowMs).steps.map((step) => ('id' in step ? `${step.do} ${step.id}` : step.do))

describe('a version that is to be revoked', () => {
  it('goes at once when nobody produces with it', () => {
    assert.equal(stepsOf(revoking('second'))[0], 'revoke second')
    const rotated = activate(before, 'second', startMs)
    const demoted = saved(before, markDemoted(rotated, 'first', startMs))
    assert.equal(stepsOf(revoking('first', demoted), evidence({ idp: 0 }))[0], 'revoke first')
  })

  it('is replaced first when it is the active one, although no rotation is due', () => {
    assert.deepEqual(stepsOf(revoking('first')), ['activate second'])
  })

  it('is not replaced before every instance serves the successor', () => {
    const bare = saved(undefined, activate(prepare(before, material('third'), startMs), 'second', startMs))
    const asked = revoking('second', bare)
    assert.ok(!stepsOf(asked, evidence({ idp: 0 })).some((step) => step.startsWith('activate')))
    assert.ok(stepsOf(asked).includes('mark-served third'))
  })

  it('waits for verifiers that lack the successor for two seconds, and for anonymous readers not at all', () => {
    const lagging = evidence({ idp: 9 }, { web: 0 })
    assert.ok(defaultPolicy.anonymousPropagationMs > 0)
    assert.deepEqual(stepsOf(revoking('first'), lagging, startMs + 1_999), [])
    assert.deepEqual(look(revoking('first'), lagging, startMs).waiting[0]?.for, ['verifier web'])
    assert.deepEqual(stepsOf(revoking('first'), lagging, startMs + 2_000), ['activate second'])
  })

  it('does not wait for a clock that was set back after the successor was served and the revocation asked for', () => {
    const lagging = evidence({ idp: 9 }, { web: 0 })
    assert.deepEqual(stepsOf(revoking('first'), lagging, startMs - 3_600_000), ['activate second'])
  })

  it('waits until every live instance produces with the successor, and names those that do not', () => {
    const { waiting } = look(replaced(), evidence({ slow: 0 }), startMs)
    const wait = waiting.find(({ step }) => step === 'revoke') ?? assert.fail('nothing is said about it')
    assert.deepEqual([wait.id, wait.gate, wait.for], ['first', 'demoted', ['instance slow']])
    assert.equal(stepsOf(replaced())[0], 'revoke first')
  })

  it('is revoked before a new standby is made: that takes time', () => {
    assert.deepEqual(stepsOf(replaced()), ['revoke first', 'prepare'])
  })

  it('has the way for a quarter of a second: so long a new standby waits', () => {
    const keyring = replaced()
    const done = saved(keyring, revoke(keyring, 'first', cause, startMs))
    const early = look(done, upToDate, startMs + 249)
    assert.deepEqual([early.steps, early.nextDecisionAt], [[], startMs + 250])
    assert.deepEqual(stepsOf(done, upToDate, startMs + 250), ['prepare'])
  })

  it('does not keep a new standby waiting for a clock that was set back', () => {
    const keyring = replaced()
    const done = saved(keyring, revoke(keyring, 'first', cause, startMs))
    assert.deepEqual(stepsOf(done, upToDate, startMs - 3_600_000), ['prepare'])
  })

  it('is due at once, whatever happens to the one who asked', () => {
    assert.equal(look(revoking('first'), upToDate, startMs).nextDecisionAt, startMs)
    assert.equal(look(replaced(), evidence({ slow: 0 }), startMs).nextDecisionAt, startMs)
  })

  it('never takes over: not as a standby, not by a rollback', () => {
    assert.equal(standbyVersion(revoking('second')), undefined)
    assert.throws(() => activate(revoking('second'), 'second', startMs), { code: 'ILLEGAL_TRANSITION' })
    assert.throws(() => rollBack(replaced(), startMs), { code: 'NOTHING_TO_ROLL_BACK' })
  })
})

describe('asking for a revocation', () => {
  it('is refused for the only version that can produce', () => {
    const alone = saved(before, discard(before, 'second', startMs))
    assert.throws(() => requestRevocation(alone, 'first', cause, startMs), { code: 'NO_SUCCESSOR' })
    const taken = revoking('second')
    assert.throws(() => requestRevocation(taken, 'first', cause, startMs), { code: 'NO_SUCCESSOR' })
  })

  it('is refused for a retired version, and changes nothing the second time', () => {
    const retired = discard(before, 'second', startMs)
    assert.throws(() => requestRevocation(retired, 'second', cause, startMs), KeyringError)
    const asked = revoking('first')
    assert.equal(requestRevocation(asked, 'first', { ...cause, reason: 'other' }, startMs), asked)
    assert.equal(versionOf(asked, 'first').revocation?.reason, 'stolen')
    assert.equal(activeVersion(asked)?.id, 'first')
  })
})
