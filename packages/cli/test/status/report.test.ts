import assert from 'node:assert/strict'
import { test } from 'node:test'
import { report } from '../../src/status/report.ts'
import { before, keyring, noon, version } from '../keyring.ts'

test('the report shows versions, gates, verifiers and what needs attention', () => {
  const gate = { step: 'activate', gate: 'propagated', for: ['verifier api-7'], opensAt: null }
  const versions = [version('kid-a', 'active', { activatedAt: before(90_000) }), version('kid-b', 'prepared')]
  const text = report(
    {
      keyrings: [keyring(versions, [gate])],
      verifiers: [{ id: 'api/8081', library: 'rekey/1', revision: { epoch: 1, n: 9 }, leaseUntil: before(-12_000) }],
      attention: [{ what: 'something', since: before(60_000), command: 'rekey help' }],
    },
    noon,
  )
  assert.match(text, /Keyring signing-es256 \(signing-key, ES256\)/)
  assert.match(text, /kid-a +active +1m 30s/)
  assert.match(text, /activate: waiting for verifier api-7/)
  assert.match(text, /api\/8081 +rekey\/1 +1\.9 +12s left/)
  assert.match(text, /! something \(for 1m\)\n {4}rekey help/)
})

test('the report shows by what tokens are signed, the move that waits, and the instances', () => {
  const waiting = { for: ['verifier api-7 to allow RS256'], opensAt: null }
  const move = { to: 'signing-rs256', requestedAt: before(180_000), by: 'admin', forced: false, waiting }
  const instance = { id: 'i-1', startedAt: before(60_000), leaseUntil: before(-4_000) }
  const text = report(
    {
      keyrings: [],
      verifiers: [],
      issuance: { keyring: 'signing-es256', algorithm: 'ES256', revision: 3, confirmed: false, move },
      instances: [
        { ...instance, address: 'http://localhost:8002', applied: 12 },
        { ...instance, address: 'http://localhost:8003', applied: 9 },
      ],
      attention: [],
    },
    noon,
  )
  assert.match(text, /Access tokens are signed by signing-es256 \(ES256\), which not every instance has confirmed yet/)
  assert.match(text, /move to signing-rs256, asked for 3m ago: waiting for verifier api-7 to allow RS256/)
  assert.match(text, /http:\/\/localhost:8002 +12 +nothing +4s left +1m/)
  assert.match(text, /http:\/\/localhost:8003 +9 +3 changes +4s left +1m/)
})

test('the report tells what each verifier trusts', () => {
  const verifier = { id: 'api/1', library: 'rekey/1', revision: { epoch: 1, n: 9 }, algorithms: ['ES256', 'RS256'] }
  const trustOf = (more: object) =>
    report({ keyrings: [], verifiers: [{ ...verifier, leaseUntil: before(-9_000), ...more }], attention: [] }, noon)
  assert.match(trustOf({}), /9s left +ES256 RS256 +newest/)
  assert.match(trustOf({ behindSince: before(3_000) }), /behind for 3s/)
  assert.match(
    trustOf({ leaseUntil: before(60_000), acceptsUntil: before(-120_000) }),
    /over for 1m .*accepts for 2m more/,
  )
  assert.match(trustOf({ leaseUntil: before(60_000), acceptsUntil: before(60_000) }), /over for 1m .*refuses/)
})

test('a verifier that has not got the newest trust set is not shown as newest, and since when only once it asked', () => {
  const verifier = { id: 'api/1', library: 'rekey/1', revision: { epoch: 1, n: 9 }, seenAt: before(4_000) }
  const trustOf = (n: number, more: object = {}) => {
    const verifiers = [{ ...verifier, leaseUntil: before(-9_000), ...more }]
    return report({ keyrings: [], verifiers, newest: { epoch: 1, n }, attention: [] }, noon)
  }
  assert.match(trustOf(9), / newest$/m)
  assert.match(trustOf(10), / behind, asked 4s ago$/m)
  assert.match(trustOf(10, { behindSince: before(3_000) }), / behind for 3s$/m)
  const cutOff = { leaseUntil: before(60_000), acceptsUntil: before(-120_000) }
  assert.match(trustOf(10, cutOff), / accepts for 2m more, behind$/m)
  assert.match(trustOf(9, cutOff), / accepts for 2m more$/m)
})

test('an instance that is gone is shown with since when, and nobody is measured by what it has applied', () => {
  const instance = { id: 'i-1', startedAt: before(60_000), leaseUntil: before(-4_000) }
  const instances = [
    { ...instance, address: 'http://localhost:8002', applied: 12, live: true },
    { ...instance, address: 'http://localhost:8003', applied: 14, live: false, leaseUntil: before(12_000) },
  ]
  const text = report({ keyrings: [], verifiers: [], instances, attention: [] }, noon)
  assert.match(text, /http:\/\/localhost:8002 +12 +nothing +4s left +1m$/m)
  assert.match(text, /http:\/\/localhost:8003 +14 +gone for 12s$/m)
})

test('instances of the backend for frontend are measured by each other, and told apart', () => {
  const instance = { id: 'i-1', startedAt: before(60_000), leaseUntil: before(-4_000), live: true }
  const instances = [
    { ...instance, address: 'http://localhost:8002', applied: 120 },
    { ...instance, of: 'bff' as const, address: 'http://localhost:8000', applied: 9 },
    { ...instance, of: 'bff' as const, address: 'http://localhost:8010', applied: 7 },
  ]
  const text = report({ keyrings: [], verifiers: [], instances, attention: [] }, noon)
  assert.match(text, /^ +OF +INSTANCE +REVISION/m)
  assert.match(text, /^ +IdP +http:\/\/localhost:8002 +120 +nothing/m)
  assert.match(text, /^ +BFF +http:\/\/localhost:8000 +9 +nothing/m)
  assert.match(text, /^ +BFF +http:\/\/localhost:8010 +7 +2 changes/m)
})

test('of the versions that are over the newest three of each kind are shown, and how many more there are', () => {
  const revoked = [5, 1, 4, 2, 3].map((age) => version(`rev-${age}`, 'revoked', { revokedAt: before(age * 60_000) }))
  const retired = [1, 2, 3, 4].map((age) => version(`old-${age}`, 'retired', { retiredAt: before(age * 60_000) }))
  const versions = [...revoked, ...retired, version('kid-a', 'active', { activatedAt: before(1_000) })]
  const text = report({ keyrings: [keyring(versions)], verifiers: [], attention: [] }, noon)
  assert.deepEqual(text.match(/(rev|old)-\d/g), ['rev-1', 'rev-2', 'rev-3', 'old-1', 'old-2', 'old-3'])
  assert.match(text, /kid-a +active +1s\n {2}and 1 more retired\n {2}and 2 more revoked$/m)
  const few = report({ keyrings: [keyring(revoked.slice(0, 3))], verifiers: [], attention: [] }, noon)
  assert.match(few, /rev-5/)
  assert.doesNotMatch(few, /more revoked/)
})

test('how many sessions need each version is shown where that is counted, and when the last of them ends', () => {
  const versions = [
    version('session-a', 'retiring', { retiringAt: before(60_000), held: { count: 412, until: before(-7_200_000) } }),
    version('session-b', 'active', { activatedAt: before(60_000), held: { count: 0, until: null } }),
    version('session-c', 'retired', { retiredAt: before(60_000) }),
  ]
  const text = report(
    { keyrings: [keyring(versions), keyring([version('kid-a', 'active')])], verifiers: [], attention: [] },
    noon,
  )
  assert.match(text, /VERSION +STATE +FOR +SESSIONS +REASON\n/)
  assert.match(text, /session-a +retiring +1m +412, the last ends in 2h$/m)
  assert.match(text, /session-b +active +1m +0$/m)
  assert.match(text, /session-c +retired +1m$/m)
  assert.match(text, /VERSION +STATE +FOR +REASON\n +kid-a +active$/m)
})

test('an estate without verifiers and without worries says both', () => {
  const text = report({ keyrings: [], verifiers: [], attention: [] }, noon)
  assert.match(text, /none has a lease/)
  assert.match(text, /Nothing needs attention/)
})
