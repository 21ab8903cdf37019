import assert from 'node:assert/strict'
import { test } from 'node:test'
import { report } from '../../src/status/report.ts'
import { span, table } from '../../src/status/table.ts'
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

test('an estate without verifiers and without worries says both', () => {
  const text = report({ keyrings: [], verifiers: [], attention: [] }, noon)
  assert.match(text, /none has a lease/)
  assert.match(text, /Nothing needs attention/)
})

test('columns are as wide as their widest cell, whatever its colour', () => {
  assert.equal(table(['A', 'B'], [['\u001b[1mlong\u001b[22m', 'x']]), '  A     B\n  \u001b[1mlong\u001b[22m  x')
})

test('a span is told in its two largest units', () => {
  assert.deepEqual([0, 5_400, 65_000, 90_061_000, 86_401_000].map(span), ['0s', '5s', '1m 5s', '1d 1h', '1d'])
})
