import type { StepChange } from '../journal/journal.ts'
import { type IncidentRecord, type StepName, type StepRecord, stepOf, type TimelineEntry } from './record.ts'

type Story = Pick<IncidentRecord, 'steps' | 'timeline'>

/** Of each end of a timeline: an incident that is checked every minute for a month must not fill its journal. */
const mostOfEachEnd = 500

/**
 * What an incident is after something was written about one of its steps. The timeline gets an entry when the step's state is
 * another one now, or another runner began it anew.
 *
 * @param at ISO 8601, by the journal's clock
 */
export function changeStep(
  { steps, timeline }: Story,
  name: StepName,
  change: StepChange,
  by: { runner: string; at: string },
): Story {
  const { runner, at } = by
  const step = stepOf({ steps }, name)
  const { state, error } = change
  const isTransition = state !== undefined && (state !== step.state || (state === 'running' && runner !== step.runner))
  const changed = stepAfter(step, change, isTransition, by)
  const entry = { at, what: `step ${name} ${state}`, by: runner, ...(error ? { details: error } : {}) }
  return {
    steps: steps.map((each) => (each === step ? changed : each)),
    timeline: isTransition ? addToTimeline(timeline, entry) : timeline,
  }
}

/** What begins anew, or ends, waits for nobody and has no error, unless it says so. */
function stepAfter(
  step: StepRecord,
  change: StepChange,
  isTransition: boolean,
  { runner, at }: { runner: string; at: string },
): StepRecord {
  const { state = step.state } = change
  const begins = isTransition && state === 'running'
  const ends = isTransition && (state === 'done' || state === 'failed')
  const { waitingFor, error, endedAt } =
    begins || ends ? { waitingFor: [], error: undefined, endedAt: undefined } : step
  return present({
    ...step,
    state,
    runner,
    attempts: step.attempts + (begins ? 1 : 0),
    startedAt: begins ? at : step.startedAt,
    endedAt: ends ? at : endedAt,
    waitingFor: change.waitingFor ?? waitingFor,
    result: change.result === undefined ? step.result : (change.result ?? undefined),
    error: change.error === undefined ? error : (change.error ?? undefined),
  })
}

function present(step: StepRecord): StepRecord {
  return Object.fromEntries(Object.entries(step).filter(([, value]) => value !== undefined)) as unknown as StepRecord
}

/** Adds an entry. Of a timeline that became too long the middle is left out, which it says. */
export function addToTimeline(timeline: readonly TimelineEntry[], entry: TimelineEntry): TimelineEntry[] {
  const all = [...timeline, entry]
  if (all.length <= 2 * mostOfEachEnd + 1) return all
  const middle = all.slice(mostOfEachEnd, -mostOfEachEnd)
  const entries = middle.reduce((sum, { what, details }) => sum + (what === leftOut ? Number(details?.entries) : 1), 0)
  const gap = { at: middle.at(-1)?.at ?? entry.at, what: leftOut, by: 'journal', details: { entries } }
  return [...all.slice(0, mostOfEachEnd), gap, ...all.slice(-mostOfEachEnd)]
}

const leftOut = 'entries left out'
