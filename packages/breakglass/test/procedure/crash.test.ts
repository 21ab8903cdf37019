import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type IncidentRecord, type StepName, stepNames } from '../../src/incident/record.ts'
import { breakGlass, resumeIncident } from '../../src/procedure/break-glass.ts'
import type { Outcome } from '../../src/procedure/surroundings.ts'
import { type Desk, openDesk } from './desk.ts'
import { type Fate, Killed, mortal } from './mortal.ts'
import { planFor } from './plan.ts'

/** What must be the same, whoever was killed on the way. */
function endOf({ issuer }: Desk, { contained, instances, record }: Outcome) {
  return {
    ...issuer.endState,
    contained,
    frozen: record.frozen,
    steps: record.steps.map(({ name, state, waitingFor, error }) => ({ name, state, waitingFor, error })),
    proved: instances.map(({ oldRefused, freshAccepted, deniedRefused }) => [oldRefused, freshAccepted, deniedRefused]),
    oldWasAccepted: accepted(record),
  }
}

function accepted({ steps }: IncidentRecord): unknown {
  const probes = steps.find(({ name }) => name === 'probes')?.result as { baselines: { compromised: string }[] }
  return probes.baselines.map(({ compromised }) => compromised)
}

/** Each of these ends a process for real. `SLOW=1` ends one in every step. */
const killedIn: readonly StepName[] = process.env.SLOW === '1' ? stepNames : ['revoke', 'prove', 'evidence']

/** They wait for disks most of the time. */
const atOnce = 4

describe('a runner that is killed', { timeout: 300_000 }, () => {
  let expected: ReturnType<typeof endOf>
  it('has something to be held against', async (t) => {
    const desk = await openDesk(t)
    expected = endOf(desk, await breakGlass(planFor(desk), desk.operator('ada')))
    assert.equal(expected.contained, true)
    assert.deepEqual(expected.oldWasAccepted, ['accepted'])
  })

  // Before any other of its calls is the same as after the one before it.
  it('before its first call leaves nothing behind', async (t) => {
    assert.equal(await killedAndGoneOnFor(t, { at: 1, when: 'before' }), 'load')
  })

  it('after any of its calls, is gone on for by another, which ends in the same state', async (t) => {
    const killedAt = []
    for (let first = 1; ; first += atOnce) {
      const killed = await Promise.all(
        Array.from({ length: atOnce }, (_, index) => killedAndGoneOnFor(t, { at: first + index, when: 'after' })),
      )
      killedAt.push(...killed.filter((name) => name !== undefined))
      if (killed.includes(undefined)) break
    }
    // Opening, claiming, two writes for each step, and what the steps ask for.
    assert.ok(killedAt.length > 2 + 2 * stepNames.length, killedAt.join(' '))
  })

  async function killedAndGoneOnFor(t: TestContext, fate: Fate): Promise<string | undefined> {
    const desk = await openDesk(t)
    const killedAt = await runUntil(desk, fate)
    const outcome = await breakGlass(planFor(desk), desk.operator('grace'))
    assert.deepEqual(endOf(desk, outcome), expected, `killed ${fate.when} call ${fate.at}, ${killedAt}`)
    return killedAt
  }

  for (const name of killedIn) {
    it(`in the step ${name} by a signal, as a process of its own, is gone on for by another`, async (t) => {
      const desk = await openDesk(t)
      await processKilledIn(name, desk)
      const before = await desk.journal.load('INC-1')
      assert.equal(before.steps.find((step) => step.name === name)?.state, 'running')
      const outcome = await resumeIncident('INC-1', desk.operator('grace'))
      assert.deepEqual(endOf(desk, outcome), expected)
    })
  }
})

/** @returns at which call the first one was killed; undefined when it came to its end before */
async function runUntil(desk: Desk, fate: Fate): Promise<string | undefined> {
  const { provider } = desk.operator('ada')
  const doomed = mortal(provider, fate)
  const run = breakGlass(planFor(desk), { ...desk.operator('ada'), provider: doomed.provider })
  await run.catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error
  })
  return doomed.killedAt
}

async function processKilledIn(step: StepName, { folder, api }: Desk): Promise<void> {
  const victim = fileURLToPath(new URL('./victim.ts', import.meta.url))
  const child = spawn(process.execPath, [victim, folder, api, step], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [, signal] = await once(child, 'exit')
  assert.equal(signal, 'SIGKILL')
}
