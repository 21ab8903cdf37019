import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeyringError } from '../../src/error.ts'
import { endEscrow, sealGiven } from '../../src/lifecycle/escrow.ts'
import { activeVersion, type Keyring, newKeyring, standbyVersion, versionOf } from '../../src/lifecycle/keyring.ts'
import {
  acceptFormer,
  activate,
  discard,
  erasePrivate,
  markDemoted,
  markServed,
  prepare,
  requestRotation,
  retire,
  revoke,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import type { State } from '../../src/lifecycle/version.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { everyState, material, settled, startMs } from '../samples.ts'

const states: State[] = ['prepared', 'active', 'retiring', 'retired', 'revoked']
const laterMs = startMs + 1_000

const transitions: Record<string, (keyring: Keyring, id: string) => Keyring> = {
  markServed: (keyring, id) => markServed(keyring, id, laterMs),
  activate: (keyring, id) => activate(keyring, id, laterMs),
  markDemoted: (keyring, id) => markDemoted(keyring, id, laterMs),
  erasePrivate,
  endEscrow,
  sealGiven: (keyring, id) => sealGiven(keyring, id, 'sealed'),
  retire: (keyring, id) => retire(keyring, id, laterMs),
  discard: (keyring, id) => discard(keyring, id, laterMs),
  revoke: (keyring, id) => revoke(keyring, id, { reason: 'leaked', incident: 'INC-1' }, laterMs),
}

/** What each transition does to a version in each state: the state that follows, or the code of the refusal. */
const table: Record<string, Record<State, State | 'ILLEGAL_TRANSITION' | 'NO_SUCCESSOR'>> = {
  markServed: row('prepared', 'active', undefined, undefined),
  activate: row('active', undefined, undefined, undefined),
  markDemoted: row(undefined, undefined, 'retiring', undefined),
  erasePrivate: row(undefined, undefined, 'retiring', undefined),
  endEscrow: { ...row(undefined, undefined, undefined, 'revoked'), retired: 'retired' },
  sealGiven: row(undefined, undefined, 'retiring', undefined),
  retire: row(undefined, undefined, 'retired', undefined),
  discard: row('retired', undefined, undefined, undefined),
  revoke: { ...row('revoked', undefined, 'revoked', 'revoked'), active: 'NO_SUCCESSOR' },
}

function row(prepared?: State, active?: State, retiring?: State, revoked?: State) {
  const refused = 'ILLEGAL_TRANSITION' as const
  return {
    prepared: prepared ?? refused,
    active: active ?? refused,
    retiring: retiring ?? refused,
    retired: refused,
    revoked: revoked ?? refused,
  }
}

describe('a version', () => {
  for (const [name, change] of Object.entries(transitions)) {
    for (const state of states) {
      const outcome = table[name]?.[state] ?? assert.fail(`the table has no ${name} × ${state}`)
      if (states.includes(outcome as State)) {
        it(`that is ${state} is ${outcome} after ${name}`, () => {
          assert.equal(versionOf(change(everyState(startMs), state), state).state, outcome)
        })
      } else {
        it(`that is ${state} refuses ${name} with ${outcome}`, () => {
          const keyring = everyState(startMs)
          const before = structuredClone(keyring)
          assert.throws(() => change(keyring, state), { code: outcome })
          assert.deepEqual(keyring, before)
        })
      }
    }

    it(`that does not exist refuses ${name} with UNKNOWN_VERSION`, () => {
      assert.throws(() => change(everyState(startMs), 'nobody'), { code: 'UNKNOWN_VERSION', facts: { id: 'nobody' } })
    })
  }

  it('is not prepared under an id that the keyring already had, whatever became of it', () => {
    for (const state of states) {
      assert.throws(() => prepare(everyState(startMs), material(state), laterMs), { code: 'VERSION_REUSED' })
    }
  })

  it('carries the time of each change', () => {
    const { preparedAt, servedAt, activatedAt, retiringAt, demotedAt, retiredAt } = versionOf(wholeLife(), 'a')
    assert.deepEqual([preparedAt, servedAt, activatedAt, retiringAt, demotedAt, retiredAt], [1, 2, 3, 4, 5, 6])
  })

  it('carries the reason, the time and the incident of its revocation', () => {
    const { revokedAt, reason, incident } = versionOf(
      revoke(everyState(startMs), 'retiring', { reason: 'leaked', incident: 'INC-1' }, laterMs),
      'retiring',
    )
    assert.deepEqual({ revokedAt, reason, incident }, { revokedAt: laterMs, reason: 'leaked', incident: 'INC-1' })
  })

  it('that was revoked keeps its first reason when it is revoked again', () => {
    const keyring = everyState(startMs)
    assert.equal(revoke(keyring, 'revoked', { reason: 'another' }, laterMs), keyring)
  })
})

describe('the private half', () => {
  const hasPrivate = (keyring: Keyring, id: string) => versionOf(keyring, id).sealedPrivate !== undefined

  it('is kept while the version can still be needed to sign', () => {
    const keyring = everyState(startMs)
    assert.deepEqual(
      states.map((state) => hasPrivate(keyring, state)),
      [true, true, true, false, false],
    )
  })

  for (const [name, id] of Object.entries({ erasePrivate: 'retiring', retire: 'retiring', discard: 'prepared' })) {
    it(`is gone after ${name}`, () => assert.equal(hasPrivate(apply(name, id), id), false))
  }

  it('is gone at once when a version is revoked', () => {
    for (const id of ['prepared', 'retiring']) assert.equal(hasPrivate(apply('revoke', id), id), false)
  })

  it('stays when the instances have let go of a version that can be rolled back to', () => {
    assert.equal(hasPrivate(apply('markDemoted', 'retiring'), 'retiring'), true)
  })

  const apply = (name: string, id: string) =>
    (transitions[name] ?? assert.fail(`no transition ${name}`))(everyState(startMs), id)
})

describe('activating', () => {
  it('demotes the active version in the same document', () => {
    const next = activate(everyState(startMs), 'prepared', laterMs)
    assert.equal(activeVersion(next)?.id, 'prepared')
    const former = versionOf(next, 'active')
    assert.deepEqual([former.state, former.retiringAt, former.demotedAt], ['retiring', laterMs, undefined])
  })

  it('ends the rotation that was asked for', () => {
    const asked = requestRotation(everyState(startMs), { by: 'ops', forced: false }, startMs)
    assert.equal(activate(asked, 'prepared', laterMs).rotation, undefined)
  })
})

describe('revoking the active version', () => {
  it('is refused, and possible once its successor is active', () => {
    const keyring = everyState(startMs)
    assert.throws(() => revoke(keyring, 'active', { reason: 'leaked' }, laterMs), { code: 'NO_SUCCESSOR' })
    const moved = activate(keyring, 'prepared', laterMs)
    assert.equal(versionOf(revoke(moved, 'active', { reason: 'leaked' }, laterMs), 'active').state, 'revoked')
  })
})

describe('rolling back', () => {
  const rotated = () => activate(settled('signing', startMs), 'second', laterMs)

  it('swaps the active version and the one that it replaced', () => {
    const back = rollBack(rotated(), laterMs + 1)
    assert.equal(activeVersion(back)?.id, 'first')
    assert.deepEqual([versionOf(back, 'second').state, versionOf(back, 'second').retiringAt], ['retiring', laterMs + 1])
  })

  it('forgets that the version had been let go of, so that its next drain is counted anew', () => {
    const back = rollBack(markDemoted(rotated(), 'first', laterMs), laterMs + 1)
    const { retiringAt, demotedAt, activatedAt } = versionOf(back, 'first')
    assert.deepEqual([retiringAt, demotedAt, activatedAt], [undefined, undefined, laterMs + 1])
  })

  it('goes to the version that was replaced last', () => {
    const twice = activate(prepare(rotated(), material('third'), laterMs), 'third', laterMs + 1)
    assert.equal(activeVersion(rollBack(twice, laterMs + 2))?.id, 'second')
  })

  it('can itself be rolled back', () => {
    assert.equal(activeVersion(rollBack(rollBack(rotated(), laterMs + 1), laterMs + 2))?.id, 'second')
  })

  it('is refused when nothing was ever replaced', () => {
    assert.throws(() => rollBack(settled('signing', startMs), laterMs), { code: 'NOTHING_TO_ROLL_BACK' })
  })

  it('is refused once the private half is gone', () => {
    assert.throws(() => rollBack(erasePrivate(rotated(), 'first'), laterMs), { code: 'NOTHING_TO_ROLL_BACK' })
  })

  it('never goes to a revoked version', () => {
    const revoked = revoke(rotated(), 'first', { reason: 'leaked' }, laterMs)
    assert.throws(() => rollBack(revoked, laterMs), { code: 'NOTHING_TO_ROLL_BACK' })
  })

  it('is refused while a rotation is under way', () => {
    const asked = requestRotation(rotated(), { by: 'ops', forced: false }, laterMs)
    assert.throws(() => rollBack(asked, laterMs), { code: 'ROTATION_UNDER_WAY' })
  })
})

describe('asking for a rotation', () => {
  const asked = (forced: boolean) => requestRotation(settled('signing', startMs), { by: 'ops', forced }, startMs)

  it('is refused while one is under way', () => {
    assert.throws(() => requestRotation(asked(false), { by: 'other', forced: false }, laterMs), {
      code: 'ROTATION_UNDER_WAY',
    })
    assert.throws(
      () => requestRotation(asked(true), { by: 'other', forced: true }, laterMs),
      (error: KeyringError) => {
        return error.code === 'ROTATION_UNDER_WAY' && error.facts.rotation !== undefined
      },
    )
  })

  it('may add force to the one under way', () => {
    const forced = requestRotation(asked(false), { by: 'chief', forced: true, reason: 'one verifier is lost' }, laterMs)
    assert.deepEqual(forced.rotation, {
      requestedAt: laterMs,
      by: 'chief',
      forced: true,
      reason: 'one verifier is lost',
    })
  })

  it('ends by discarding the version that it waits for, and not by discarding a later one', () => {
    const two = prepare(asked(false), material('third'), laterMs)
    assert.notEqual(discard(two, 'third', laterMs).rotation, undefined)
    const discarded = discard(two, 'second', laterMs)
    assert.equal(discarded.rotation, undefined)
    assert.equal(standbyVersion(discarded)?.id, 'third')
  })
})

describe('a version that was produced with elsewhere', () => {
  const keyring = settled('signing', startMs)

  it('is accepted at once, never produced with, and counts as older than all others', () => {
    const taken = acceptFormer(keyring, material('former'), laterMs)
    assert.deepEqual(
      taken.versions.map(({ id, state, retiringAt }) => [id, state, retiringAt]),
      [
        ['former', 'retiring', laterMs],
        ['first', 'active', undefined],
        ['second', 'prepared', undefined],
      ],
    )
    assert.equal(standbyVersion(taken)?.id, 'second')
  })

  it('is refused under an id that the keyring already had', () => {
    assert.throws(() => acceptFormer(keyring, material('first'), laterMs), { code: 'VERSION_REUSED' })
  })

  it('leaves a rotation that is under way as it is', () => {
    const asked = requestRotation(keyring, { by: 'ops', forced: false }, startMs)
    assert.deepEqual(acceptFormer(asked, material('former'), laterMs).rotation, asked.rotation)
  })
})

describe('a long life', () => {
  const rotations = 40

  function longLife(end: (keyring: Keyring, id: string) => Keyring): Keyring {
    let keyring = activate(
      prepare(newKeyring('signing', 'signing-key', 'ES256', defaultPolicy), material('k0'), 0),
      'k0',
      0,
    )
    for (let n = 1; n <= rotations; n++) {
      keyring = activate(prepare(keyring, material(`k${n}`), n), `k${n}`, n)
      keyring = end(keyring, `k${n - 1}`)
    }
    return keyring
  }

  it('leaves the 16 youngest retired versions in the document', () => {
    const ids = longLife((keyring, id) => retire(keyring, id, startMs)).versions.map(({ id }) => id)
    assert.deepEqual(
      ids,
      Array.from({ length: 17 }, (_, n) => `k${rotations - 16 + n}`),
    )
  })

  it('leaves every given version in the document, which may be given again', () => {
    const own = longLife((keyring, id) => retire(keyring, id, startMs))
    const grown = Array.from({ length: rotations }, (_, n) => `given-${n}`).reduce((keyring, id) => {
      return discard(prepare(keyring, { ...material(id), isGiven: true }, startMs), id, startMs)
    }, own)
    const aged = Array.from({ length: rotations }, (_, n) => `own-${n}`).reduce((keyring, id) => {
      return discard(prepare(keyring, material(id), startMs), id, startMs)
    }, grown)
    const retired = aged.versions.filter(({ state }) => state === 'retired')
    assert.equal(retired.filter(({ isGiven }) => isGiven).length, rotations)
    assert.equal(retired.filter(({ isGiven }) => !isGiven).length, 16)
  })

  it('leaves every revoked version in the document', () => {
    const { versions } = longLife((keyring, id) => revoke(keyring, id, { reason: 'drill' }, startMs))
    assert.equal(versions.filter(({ state }) => state === 'revoked').length, rotations)
  })
})

function wholeLife(): Keyring {
  let keyring = prepare(newKeyring('signing', 'signing-key', 'ES256', defaultPolicy), material('a'), 1)
  keyring = activate(markServed(keyring, 'a', 2), 'a', 3)
  keyring = activate(prepare(keyring, material('b'), 4), 'b', 4)
  return retire(markDemoted(keyring, 'a', 5), 'a', 6)
}
