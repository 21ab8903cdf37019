import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Waiting } from '../../src/client/keyring.ts'
import { isComplete, milestones } from '../../src/rotation/milestones.ts'
import { before, keyring, noon, version } from '../keyring.ts'

const serve: Waiting = { step: 'serve', version: 'b', gate: 'served', for: ['instance i-2'], opensAt: before(-5000) }
const activate: Waiting = { ...serve, step: 'activate', gate: 'propagated', for: ['verifier api-7'], opensAt: null }
const demote: Waiting = { ...serve, step: 'demote', version: 'a', gate: 'demoted' }
const retire: Waiting = { ...demote, step: 'retire', gate: 'drained', for: ['tokens signed by a'] }

function done(path: readonly { done: boolean }[]): boolean[] {
  return path.map((milestone) => milestone.done)
}

test('before anything happened only the standby is there, and the gate that waits is told', () => {
  const path = milestones(
    keyring([version('a', 'active'), version('b', 'prepared')], [activate, serve]),
    'a',
    'active',
    noon,
  )
  assert.deepEqual(done(path), [true, false, false, false])
  assert.match(path[1]?.waiting ?? '', /waiting for instance i-2/)
  assert.equal(path[2]?.waiting, undefined)
})

test('a successor that every instance serves still waits for verifiers', () => {
  const standby = version('b', 'prepared', { servedAt: before(1) })
  const path = milestones(keyring([version('a', 'active'), standby], [activate]), 'a', 'active', noon)
  assert.deepEqual(done(path), [true, true, false, false])
  assert.match(path[2]?.waiting ?? '', /api-7/)
})

test('an active successor is not enough: the demoted version may still sign somewhere', () => {
  const path = milestones(keyring([version('a', 'retiring'), version('b', 'active')], [demote]), 'a', 'active', noon)
  assert.equal(isComplete(path), false)
  assert.match(path[3]?.waiting ?? '', /instance i-2/)
})

test('it is complete when the demotion is confirmed', () => {
  const demoted = version('a', 'retiring', { demotedAt: before(1) })
  assert.equal(isComplete(milestones(keyring([demoted, version('b', 'active')]), 'a', 'active', noon)), true)
})

test('followed until retired it waits for the drain, and says how long', () => {
  const demoted = version('a', 'retiring', { demotedAt: before(1) })
  const path = milestones(keyring([demoted, version('b', 'active')], [retire]), 'a', 'retired', noon)
  assert.deepEqual(done(path), [true, true, true, true, false])
  assert.match(path[4]?.waiting ?? '', /opens by itself/)
  const retired = version('a', 'retired', { demotedAt: before(2) })
  assert.equal(isComplete(milestones(keyring([retired, version('b', 'active')]), 'a', 'retired', noon)), true)
})

test('what an older version waits for is no reason why this rotation does', () => {
  const older = { ...retire, version: 'z' }
  const versions = [
    version('z', 'retiring'),
    version('a', 'retiring', { demotedAt: before(1) }),
    version('b', 'active'),
  ]
  const path = milestones(keyring(versions, [older]), 'a', 'retired', noon)
  assert.equal(path[4]?.done, false)
  assert.equal(path[4]?.waiting, undefined)
})

test('a version that is revoked on the way signs no more either', () => {
  const revoked = version('a', 'revoked', { revokedAt: before(1) })
  assert.equal(isComplete(milestones(keyring([revoked, version('b', 'active')]), 'a', 'retired', noon)), true)
})
