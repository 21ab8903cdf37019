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
  assert.deepEqual(attention({ keyrings: [keyring(healthy)], verifiers: [verifier(before(-5000))] }, noon), [])
})

test('a gate that has waited longer than a minute names its parties and the command that helps', () => {
  const [found, ...rest] = attention(
    { keyrings: [keyring(healthy, [waitingSince(before(61_000))])], verifiers: [] },
    noon,
  )
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /signing-es256.*verifier api-7/)
  assert.equal(found?.since, before(61_000))
  assert.equal(found?.command, 'rekey rotate signing-es256 --force --reason REASON')
})

test('a gate within its first minute is the ordinary course of a rotation', () => {
  assert.deepEqual(attention({ keyrings: [keyring(healthy, [waitingSince(before(59_000))])], verifiers: [] }, noon), [])
})

test('tokens that run out at a known time need nobody', () => {
  const draining = waitingSince(before(1_000_000), 'drained', before(-1_000_000))
  assert.deepEqual(attention({ keyrings: [keyring(healthy, [draining])], verifiers: [] }, noon), [])
})

test('a verifier whose lease is over is named with the moment from which it was silent', () => {
  const [found] = attention({ keyrings: [keyring(healthy)], verifiers: [verifier(before(4000))] }, noon)
  assert.match(found?.what ?? '', /verifier api\/8081 has not renewed its lease/)
  assert.equal(found?.since, before(4000))
})

test('an active version beyond the age that its policy allows asks for a rotation', () => {
  for (const policy of [{ rotateEvery: '1h' }, { rotateEveryMs: 3_600_000 }]) {
    const old = [version('a', 'active', { activatedAt: before(7_200_000) }), version('b', 'prepared')]
    const [found] = attention({ keyrings: [keyring(old, [], policy)], verifiers: [] }, noon)
    assert.equal(found?.since, before(3_600_000))
    assert.equal(found?.command, 'rekey rotate signing-es256 --watch')
  }
})

test('a keyring without a standby asks for one', () => {
  const [found] = attention({ keyrings: [keyring(healthy.slice(0, 1))], verifiers: [] }, noon)
  assert.equal(found?.command, 'rekey prepare signing-es256')
})

test('what has lasted longest comes first', () => {
  const found = attention(
    {
      keyrings: [keyring(healthy, [waitingSince(before(90_000))])],
      verifiers: [verifier(before(10_000)), verifier(before(200_000))],
    },
    noon,
  )
  assert.deepEqual(
    found.map(({ since }) => since),
    [before(200_000), before(90_000), before(10_000)],
  )
})

test('a gone verifier can be forgotten, while its ceiling holds gates up and when only the list names it any more', () => {
  for (const acceptsUntil of [before(-3_600_000), before(60_000)]) {
    const silent = verifier(before(60_000), { acceptsUntil, seenAt: before(75_000) })
    const [found, ...rest] = attention({ keyrings: [], verifiers: [silent] }, noon)
    assert.deepEqual(rest, [])
    assert.deepEqual([found?.since, found?.command], [before(60_000), 'rekey verifier forget api/8081'])
  }
})

const newest = { epoch: 1, n: 8 }

test('a verifier that does not hold the newest trust set is named while it may accept, since its latest lease', () => {
  const missing = { behindSince: null, grantedAt: before(9_000), seenAt: before(9_000), acceptsUntil: before(-6_000) }
  const of = (more: object) =>
    attention({ keyrings: [], verifiers: [verifier(before(-6_000), { ...missing, ...more })], newest }, noon)
  const [found, ...rest] = of({})
  assert.deepEqual(rest, [])
  assert.match(
    found?.what ?? '',
    /api\/8081 has missed the newest trust set: it may still accept a key that was revoked/,
  )
  assert.deepEqual([found?.since, found?.command], [before(9_000), 'rekey verifier forget api/8081'])
  assert.deepEqual(of({ revision: newest }), [])
  assert.deepEqual(of({ revision: '1.8' }), [])
  assert.equal(of({ revision: { epoch: 2, n: 8 } }).length, 1)
  assert.deepEqual(of({ grantedAt: before(4_000) }), [])
})

test('a gone verifier that missed the newest trust set says so while its ceiling lasts, and is merely gone after it', () => {
  const cutOff = { behindSince: null, grantedAt: before(75_000), seenAt: before(75_000) }
  const of = (acceptsUntil: string) =>
    attention({ keyrings: [], verifiers: [verifier(before(60_000), { ...cutOff, acceptsUntil })], newest }, noon)
  const [dangerous, ...rest] = of(before(-3_600_000))
  assert.deepEqual(rest, [])
  assert.match(dangerous?.what ?? '', /is down or cut off, and has missed the newest trust set: it may still accept/)
  assert.deepEqual([dangerous?.since, dangerous?.command], [before(75_000), 'rekey verifier forget api/8081'])
  const [harmless] = of(before(1_000))
  assert.match(harmless?.what ?? '', /is down or cut off$/)
  assert.equal(harmless?.since, before(60_000))
})

test('an instance that is gone is named since its lease ended, and one that an earlier release lists is there', () => {
  const known = { id: 'i-1', address: 'http://localhost:8003', applied: 9, startedAt: before(90_000) }
  const of = (more: object) =>
    attention({ keyrings: [], verifiers: [], instances: [{ ...known, leaseUntil: before(12_000), ...more }] }, noon)
  assert.deepEqual(of({ live: false }), [
    {
      what: 'instance http://localhost:8003 is gone: it has not renewed its lease',
      since: before(12_000),
      command: null,
    },
  ])
  assert.deepEqual(of({ live: true }), [])
  assert.deepEqual(of({}), [])
})

test('a verifier that asks without holding the newest keys is slow, with and without a lease', () => {
  const slow = { behindSince: before(12_000), seenAt: before(500), acceptsUntil: before(-3_000) }
  for (const leaseUntil of [before(-3_000), before(2_000)]) {
    const [found, ...rest] = attention({ keyrings: [], verifiers: [verifier(leaseUntil, slow)] }, noon)
    assert.deepEqual(rest, [])
    assert.match(found?.what ?? '', /api\/8081 asks for its lease, but does not hold the newest keys/)
    assert.deepEqual([found?.since, found?.command], [before(12_000), 'rekey verifier forget api/8081'])
  }
  const justNow = verifier(before(-9_000), { ...slow, behindSince: before(1_000) })
  assert.deepEqual(attention({ keyrings: [], verifiers: [justNow] }, noon), [])
})

test('a slow verifier that may accept what was revoked meanwhile is told once, with what it may do', () => {
  const slow = verifier(before(-2_000), { behindSince: before(12_000), grantedAt: before(13_000), seenAt: before(500) })
  const [found, ...rest] = attention({ keyrings: [], verifiers: [slow], newest }, noon)
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /does not hold the newest keys: it may still accept a key that was revoked/)
  assert.deepEqual([found?.since, found?.command], [before(12_000), null])
})

test('a verifier that refuses what is signed now is named, with the keyring that every verifier allows', () => {
  const es256 = keyring(healthy)
  const rs256 = { ...keyring(healthy), name: 'signing-rs256', algorithm: 'RS256' }
  const issuance = { keyring: 'signing-es256', algorithm: 'ES256', revision: 3, confirmed: true }
  const refusing = verifier(before(-9_000), { algorithms: ['RS256'], seenAt: before(1_000) })
  const silentOnIt = verifier(before(-9_000))
  const [found, ...rest] = attention({ keyrings: [es256, rs256], verifiers: [refusing, silentOnIt], issuance }, noon)
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /api\/8081 does not allow ES256/)
  assert.deepEqual([found?.since, found?.command], [before(1_000), 'rekey issue-with signing-rs256'])
  const strict = verifier(before(-9_000), { algorithms: ['ES256'] })
  const [hopeless] = attention({ keyrings: [es256, rs256], verifiers: [refusing, strict], issuance }, noon)
  assert.equal(hopeless?.command, null)
})

test('a move of issuance that waits longer than a minute names whom it waits for, and the way past them', () => {
  const waiting = { for: ['verifier api/8081 to allow RS256'], opensAt: null }
  const move = { to: 'signing-rs256', requestedAt: before(70_000), by: 'admin', forced: false, waiting }
  const issuance = { keyring: 'signing-es256', revision: 3, confirmed: true, move }
  const [found] = attention({ keyrings: [], verifiers: [], issuance }, noon)
  assert.match(found?.what ?? '', /the move to signing-rs256 is waiting for verifier api\/8081 to allow RS256/)
  assert.deepEqual(
    [found?.since, found?.command],
    [before(70_000), 'rekey issue-with signing-rs256 --force --reason REASON'],
  )
  const fresh = { ...issuance, move: { ...move, requestedAt: before(50_000) } }
  assert.deepEqual(attention({ keyrings: [], verifiers: [], issuance: fresh }, noon), [])
})

function verifier(leaseUntil: string, more: Partial<VerifierView> = {}): VerifierView {
  return { id: 'api/8081', instance: '8081', library: 'rekey', revision: { epoch: 1, n: 7 }, leaseUntil, ...more }
}
