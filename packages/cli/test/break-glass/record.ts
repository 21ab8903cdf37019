import { type IncidentRecord, newSteps, type Plan, type StepName, type StepRecord } from '@rekey/breakglass'
import { before } from '../keyring.ts'

export const plan: Plan = {
  incident: 'INC-42',
  kid: 'es256-old',
  reason: 'found in a bucket',
  sessions: [],
  suspectStore: false,
  apis: [],
  proveForMs: 30_000,
}

/** An incident as its journal keeps it, a minute before noon, with some of its steps as they are said to be. */
export function record(
  steps: Partial<Record<StepName, Partial<StepRecord>>> = {},
  more: Partial<IncidentRecord> = {},
): IncidentRecord {
  return {
    plan,
    openedAt: before(60_000),
    openedBy: 'admin',
    frozen: false,
    steps: newSteps().map((step) => ({ ...step, ...steps[step.name] })),
    timeline: [],
    now: before(0),
    ...more,
  }
}

/** A step that is done. */
export function done(result?: unknown, tookMs = 0): Partial<StepRecord> {
  const times = { startedAt: before(30_000), endedAt: before(30_000 - tookMs) }
  return {
    state: 'done',
    runner: 'ada@here (pid 1)',
    attempts: 1,
    ...times,
    ...(result === undefined ? {} : { result }),
  }
}

/** The same for every one of them. */
export function allDone(): Partial<Record<StepName, Partial<StepRecord>>> {
  return Object.fromEntries(newSteps().map(({ name }) => [name, done()]))
}
