import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type IncidentRecord, newSteps, type StepName } from '../../src/incident/record.ts'
import type { InstanceVerdict } from '../../src/instances/verdict.ts'
import type { StepResults } from '../../src/procedure/results.ts'
import { outcomeOf } from '../../src/procedure/verdict.ts'
import { planFor } from './plan.ts'

const now = '2026-03-01T12:00:00.000Z'
const proved: InstanceVerdict = {
  url: 'http://api',
  path: '/hello',
  oldRefused: true,
  freshAccepted: true,
  deniedRefused: true,
  provedAt: now,
  rounds: 3,
  problems: [],
}

/** An incident whose steps are all done. */
function incident(results: Partial<StepResults>): IncidentRecord {
  const resultFor = (name: StepName) => ({ prove: [proved], ...results })[name]
  const steps = newSteps().map((step) => ({ ...step, state: 'done' as const, result: resultFor(step.name) }))
  const plan = planFor({ api: proved.url })
  return { plan, openedAt: now, openedBy: 'ada', frozen: true, steps, timeline: [], now }
}

const key = (state: string) => ({ kid: 'old', keyring: 'signing', algorithm: 'ES256', state })

describe('a compromised key of which nothing was revoked', () => {
  it('because it was retired before, is shut out all the same', () => {
    const { contained, open } = outcomeOf(incident({ revoke: { revoked: [], keys: [key('retired')] } }))
    assert.deepEqual([contained, open], [true, []])
  })

  for (const state of ['prepared', 'active', 'retiring']) {
    it(`and that is still ${state}, is not`, () => {
      const { contained, open } = outcomeOf(incident({ revoke: { revoked: [], keys: [key(state)] } }))
      assert.deepEqual([contained, open], [false, ['the compromised key is not revoked']])
    })
  }
})
