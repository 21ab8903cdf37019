import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Latency } from '../../src/load/latency.ts'

test('percentiles are those of the sorted values, to a thousandth of their size', () => {
  const latenciesMs = fc.array(fc.double({ min: 0.01, max: 5000, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(latenciesMs, fc.constantFrom(50, 99), (values, percentile) => {
      const latency = new Latency()
      for (const value of values) latency.record(value)
      const sorted = [...values].sort((a, b) => a - b)
      const expected = sorted[Math.ceil((sorted.length * percentile) / 100) - 1] ?? 0
      const found = latency.percentileMs(percentile)
      assert.ok(Math.abs(found - expected) <= 0.02 + expected * 0.002, `${found} is not ${expected}`)
    }),
  )
})

test('nothing recorded, and everything forgotten, is 0', () => {
  const latency = new Latency()
  assert.equal(latency.percentileMs(99), 0)
  latency.record(12)
  latency.reset()
  assert.equal(latency.percentileMs(50), 0)
})
