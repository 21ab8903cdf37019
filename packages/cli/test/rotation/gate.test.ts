import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gateSentence } from '../../src/rotation/gate.ts'

// Local time, as it is shown.
const now = new Date(2026, 2, 1, 14, 0, 0).getTime()
const at = (distanceMs: number) => new Date(now + distanceMs).toISOString()

test('a gate with a known end says whom it waits for and when it opens', () => {
  const waiting = {
    step: 'activate',
    gate: 'propagated',
    for: ['verifier api-7', 'verifier api-9'],
    opensAt: at(300_000),
  }
  assert.equal(gateSentence(waiting, now), 'waiting for verifier api-7, verifier api-9; opens by itself at 14:05')
})

test('a gate that does not open by itself says so', () => {
  const waiting = { step: 'activate', gate: 'propagated', for: ['verifier api-7'], opensAt: null }
  assert.equal(gateSentence(waiting, now), 'waiting for verifier api-7; opens as soon as that is confirmed')
})

test('hundreds of parties do not fill the screen', () => {
  const parties = Array.from({ length: 300 }, (_, index) => `verifier api-${index}`)
  const sentence = gateSentence({ step: 'activate', gate: 'propagated', for: parties, opensAt: null }, now)
  assert.match(sentence, /verifier api-4 and 295 more;/)
})
