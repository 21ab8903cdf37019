import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newMetrics } from '../../src/operations/metrics.ts'

test('session cookies that are of no use are counted from 0, by what is wrong, so that the first ones are an increase', async () => {
  const text = await newMetrics().registry.metrics()
  for (const cause of ['malformed', 'unknown', 'tampered', 'ended', 'stale', 'forged'])
    assert.ok(text.includes(`bff_session_refusals_total{cause="${cause}"} 0`), cause)
})
