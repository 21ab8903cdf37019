import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { closeKeyring, isClosed, succeed } from '../../src/lifecycle/client.ts'
import {
  activeVersion,
  type ClientKeyring,
  type Keyring,
  newClientKeyring,
  versionOf,
} from '../../src/lifecycle/keyring.ts'
import { retire, revoke } from '../../src/lifecycle/transition.ts'
import { endOf, isAcceptedAt } from '../../src/lifecycle/version.ts'
import { clientPolicy, everyState, secret, startMs } from '../samples.ts'

const hourMs = 3_600_000
const empty = newClientKeyring('credential-1', 'client-secret', clientPolicy)
const one = (expiresAt?: number) => succeed(empty, { ...secret('a'), ...(expiresAt && { expiresAt }) }, null, startMs)
const states = (keyring: ClientKeyring) => keyring.versions.map(({ id, state }) => `${id} ${state}`)

describe('a secret that a client is given', () => {
  it('is active at once, and carries the time at which it was made', () => {
    const { preparedAt, activatedAt, ...version } = versionOf(one(), 'a')
    assert.deepEqual([preparedAt, activatedAt], [startMs, startMs])
    assert.deepEqual(version, { id: 'a', state: 'active', since: 0, publicPart: secret('a').publicPart })
  })

  it('leaves none beside it, when there is no overlap', () => {
    const two = succeed(one(), secret('b'), startMs + hourMs, startMs)
    const three = succeed(two, secret('c'), null, startMs + 1)
    assert.deepEqual(states(three), ['a retired', 'b retired', 'c active'])
    assert.equal(versionOf(three, 'b').retiredAt, startMs + 1)
  })

  it('leaves the one before it until the overlap ends, and older ones until theirs', () => {
    const two = succeed(one(), secret('b'), startMs + hourMs, startMs)
    const three = succeed(two, secret('c'), startMs + 10, startMs + 1)
    assert.deepEqual(states(three), ['a retiring', 'b retiring', 'c active'])
    assert.deepEqual(
      three.versions.map(({ acceptedUntil }) => acceptedUntil),
      [startMs + hourMs, startMs + 10, undefined],
    )
  })

  it('does not make the one before it live longer than that one was to live', () => {
    const two = succeed(one(startMs + 5), secret('b'), startMs + hourMs, startMs)
    assert.equal(versionOf(two, 'a').acceptedUntil, startMs + 5)
  })

  it('lets go of the one before it at once when that one, or the overlap, is over already', () => {
    assert.deepEqual(states(succeed(one(startMs + 5), secret('b'), startMs + hourMs, startMs + 5)), [
      'a retired',
      'b active',
    ])
    assert.deepEqual(states(succeed(one(), secret('b'), startMs, startMs)), ['a retired', 'b active'])
  })

  it('is never given twice', () => {
    assert.throws(() => succeed(one(), secret('a'), null, startMs), { code: 'VERSION_REUSED' })
  })

  it('changes nothing in the document that it starts from', () => {
    const before = one()
    const copy = structuredClone(before)
    succeed(before, secret('b'), startMs + hourMs, startMs)
    assert.deepEqual(before, copy)
  })
})

describe('what a client holds', () => {
  const overlapping = () => succeed(one(), secret('b'), startMs + hourMs, startMs)

  it('may be revoked though it is the active one', () => {
    const revoked = revoke(overlapping(), 'b', { reason: 'leaked', incident: 'INC-1' }, startMs + 1)
    assert.deepEqual(states(revoked), ['a retiring', 'b revoked'])
    assert.equal(activeVersion(revoked), undefined)
    assert.equal(isClosed(revoked), false)
  })

  it('may be closed: every version that is accepted is revoked, with the reason, and none is given again', () => {
    const retired = retire(succeed(overlapping(), secret('c'), startMs + hourMs, startMs), 'a', startMs)
    const closed = closeKeyring(retired, { reason: 'left', incident: 'INC-1' }, startMs + 1)
    assert.deepEqual(states(closed), ['a retired', 'b revoked', 'c revoked'])
    const { reason, incident, revokedAt } = versionOf(closed, 'c')
    assert.deepEqual({ reason, incident, revokedAt }, { reason: 'left', incident: 'INC-1', revokedAt: startMs + 1 })
    assert.equal(isClosed(closed), true)
    assert.throws(() => succeed(closed, secret('d'), null, startMs + 2), { code: 'KEYRING_CLOSED' })
    assert.equal(closeKeyring(closed, { reason: 'again' }, startMs + 2), closed)
  })

  it('is not closed before it was ever given anything, nor because it expired', () => {
    assert.equal(isClosed(empty), false)
    assert.deepEqual(states(succeed(one(startMs + 1), secret('b'), null, startMs + hourMs)), ['a retired', 'b active'])
  })

  it('is another thing than what our instances sign by, which is not closed even by mistake', () => {
    const ours: Keyring = everyState(startMs)
    assert.throws(() => closeKeyring(ours as unknown as ClientKeyring, { reason: 'leaked' }, startMs), {
      code: 'NO_SUCCESSOR',
    })
  })
})

describe('the end of a version', () => {
  it('is the first of its own and that of its overlap, or never', () => {
    assert.equal(endOf({}), null)
    assert.equal(endOf({ expiresAt: 5 }), 5)
    assert.equal(endOf({ acceptedUntil: 7 }), 7)
    assert.equal(endOf({ expiresAt: 5, acceptedUntil: 7 }), 5)
    assert.equal(endOf({ expiresAt: 7, acceptedUntil: 5 }), 5)
  })

  it('is the first millisecond in which it is not accepted', () => {
    for (const version of [
      { state: 'active', expiresAt: 5 },
      { state: 'retiring', acceptedUntil: 5 },
    ] as const) {
      assert.deepEqual(
        [isAcceptedAt(version, 4), isAcceptedAt(version, 5), isAcceptedAt(version, 6)],
        [true, false, false],
      )
    }
  })

  it('does not bring back what is not accepted by its state', () => {
    for (const state of ['retired', 'revoked'] as const) assert.equal(isAcceptedAt({ state, expiresAt: 9 }, 1), false)
  })
})
