import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerifierView } from '../../src/client/keyring.ts'
import { attention } from '../../src/status/attention.ts'
import { before, keyring, noon, version } from '../keyring.ts'

const healthy = [version('a', 'active', { activatedAt: before(1000) }), version('b', 'prepared')]
const waitingSince = (since: string, gate = 'propagated', opensAt: string | null = null) => ({
  step: gate === 'drained' ? 'retire' : 'activate',
  gate,
  for: ['verifier api-7'],
  opensAt,
  since,
})

test('a healthy estate needs nothing', () => {
  assert.deepEqual(attention([keyring(healthy)], [verifier(before(-5000))], noon), [])
})

test('a gate that has waited longer than a minute names its parties and the command that helps', () => {
  const [found, ...rest] = attention([keyring(healthy, [waitingSince(before(61_000))])], [], noon)
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /signing-es256.*verifier api-7/)
  assert.equal(found?.since, before(61_000))
  assert.equal(found?.command, 'rekey rotate signing-es256 --force --reason REASON')
})

test('a gate within its first minute is the ordinary course of a rotation', () => {
  assert.deepEqual(attention([keyring(healthy, [waitingSince(before(59_000))])], [], noon), [])
})

test('tokens that run out at a known time need nobody', () => {
  const draining = waitingSince(before(1_000_000), 'drained', before(-1_000_000))
  assert.deepEqual(attention([keyring(healthy, [draining])], [], noon), [])
})

test('a verifier whose lease is over is named with the moment from which it was silent', () => {
  const [found] = attention([keyring(healthy)], [verifier(before(4000))], noon)
  assert.match(found?.what ?? '', /verifier api\/8081 has not renewed its lease/)
  assert.equal(found?.since, before(4000))
})

test('an active version beyond the age that its policy allows asks for a rotation', () => {
  for (const policy of [{ rotateEvery: '1h' }, { rotateEveryMs: 3_600_000 }]) {
    const old = [version('a', 'active', { activatedAt: before(7_200_000) }), version('b', 'prepared')]
    const [found] = attention([keyring(old, [], policy)], [], noon)
    assert.equal(found?.since, before(3_600_000))
    assert.equal(found?.command, 'rekey rotate signing-es256 --watch')
  }
})

test('a keyring without a standby asks for one', () => {
  const [found] = attention([keyring(healthy.slice(0, 1))], [], noon)
  assert.equal(found?.command, 'rekey prepare signing-es256')
})

test('what has lasted longest comes first', () => {
  const found = attention(
    [keyring(healthy, [waitingSince(before(90_000))])],
    [verifier(before(10_000)), verifier(before(200_000))],
    noon,
  )
  assert.deepEqual(
    found.map(({ since }) => since),
    [before(200_000), before(90_000), before(10_000)],
  )
})

function verifier(leaseUntil: string): VerifierView {
  return { id: 'api/8081', instance: '8081', library: 'rekey', revision: { epoch: 1, n: 7 }, leaseUntil }
}
