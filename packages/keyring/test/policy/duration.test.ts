import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/policy/duration.ts'
import { runs } from '../samples.ts'

describe('a duration', () => {
  const written: Record<string, number> = {
    '0s': 0,
    '0d': 0,
    '250ms': 250,
    '30s': 30_000,
    '10m': 600_000,
    '24h': 86_400_000,
    '90d': 7_776_000_000,
    ' 30s ': 30_000,
    '99999d': 8_639_913_600_000,
  }
  for (const [text, durationMs] of Object.entries(written)) {
    it(`is read from ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), durationMs))
  }

  const refused = ['', '30', '30 s', '-30s', '+30s', '1.5h', '1h30m', '30S', 's', '1e3s', '٣s', '30sec', '1w', 'P1D']
  for (const text of [...refused, '100000d', '9999999999999999ms', '99999999999999999999d']) {
    it(`is not read from ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseDuration(text), { code: 'INVALID_DURATION' })
    })
  }

  const shortest: [number, string][] = [
    [0, '0s'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
    [90_000_000, '25h'],
  ]
  for (const [durationMs, text] of shortest) {
    it(`of ${durationMs} ms is written ${text}`, () => assert.equal(formatDuration(durationMs), text))
  }

  it('that was written is read back as it was', () => {
    const durations = fc.integer({ min: 0, max: 8_639_913_600_000 })
    fc.assert(
      fc.property(durations, (durationMs) => parseDuration(formatDuration(durationMs)) === durationMs),
      runs(500),
    )
  })
})
