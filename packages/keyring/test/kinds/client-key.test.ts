import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decide } from '../../src/decide/decide.ts'
import { noEvidence } from '../../src/decide/evidence.ts'
import { succeed } from '../../src/lifecycle/client.ts'
import { newClientKeyring } from '../../src/lifecycle/keyring.ts'
import type { ClientMaterial } from '../../src/lifecycle/version.ts'
import { clientPolicy, startMs } from '../samples.ts'

const publicKey = (id: string): ClientMaterial => ({ id, publicPart: { kty: 'EC', kid: id } })

describe('an old key of a client', () => {
  const untilMs = startMs + clientPolicy.assertionMs
  const first = succeed(newClientKeyring('credential-1', 'client-key', clientPolicy), publicKey('old'), null, startMs)
  const rotated = succeed(first, publicKey('new'), untilMs, startMs)

  it('is retired when the last assertion signed by it is over, and says so until then', () => {
    const { steps, waiting, nextDecisionAt } = decide(rotated, noEvidence, untilMs - 1)
    assert.deepEqual([steps, nextDecisionAt], [[], untilMs])
    assert.deepEqual(waiting, [
      {
        step: 'retire',
        gate: 'drained',
        id: 'old',
        for: ['assertions signed by old'],
        opensAt: untilMs,
        since: startMs,
      },
    ])
    assert.deepEqual(decide(rotated, noEvidence, untilMs).steps, [{ do: 'retire', id: 'old' }])
  })

  it('is kept until then though the client signs by the new one: an assertion of the old one may be on its way', () => {
    const uses = new Map([['new', { firstAt: startMs, lastAt: untilMs - 1 }]])
    const impatient = { ...rotated, policy: { ...clientPolicy, quietMs: 1 } }
    assert.deepEqual(decide(impatient, { instances: [], verifiers: [], uses }, untilMs - 1).steps, [])
  })
})
