import type { IncidentRecord, StepName, StepRecord } from '@rekey/breakglass'
import { timeOfDay } from '../terminal/moment.ts'
import type { Milestone } from '../terminal/progress.ts'
import { span } from '../terminal/span.ts'
import { resultText } from './results.ts'

const titles: Readonly<Record<StepName, string>> = {
  guard: 'looked first: the key is known, and nothing needed later hangs on it',
  freeze: 'high-risk administration is frozen on every instance of the IdP',
  probes: 'a token by the compromised key is made, to try the APIs with',
  promote: 'another key signs, on every instance of the IdP',
  revoke: 'the compromised key is revoked',
  sessions: 'the sessions concerned are ended',
  verifiers: 'every verifier on the feed has acknowledged it',
  refresh: 'every API instance was made to fetch its keys',
  prove: 'every API instance refuses the old token and takes a fresh one',
  changes: 'what was changed by means of it is listed',
  evidence: 'all of this is in one signed file',
}

/** What is shown of an incident: some of its steps, and not how those ended before that are taken again. */
export interface View {
  steps: readonly StepName[]
  /** When the looking began, by the journal's clock. */
  since: string
  /** What was done before that and stays so. */
  settled: ReadonlySet<StepName>
  /** Who looks. */
  runner: string
}

/**
 * What is shown from the first sight of an incident on.
 *
 * @param anew whether all of these steps are taken again, whatever came of them
 */
export function viewFrom(first: IncidentRecord, steps: readonly StepName[], anew: boolean, runner: string): View {
  const due = first.steps.findIndex(({ state }) => state !== 'done')
  const before = first.steps.slice(0, due < 0 ? undefined : due).map(({ name }) => name)
  // Evidence is sealed each time, and what was only looked at is looked at again after whatever is done now.
  const settled = new Set(anew ? [] : before.filter((name) => name !== 'evidence'))
  return { steps, since: first.now, settled, runner }
}

/** The steps of an incident as far as they have come. */
export function milestonesOf(record: IncidentRecord, view: View): Milestone[] {
  const steps = record.steps.filter(({ name }) => view.steps.includes(name))
  return steps.map((step) => milestone(step, record, view))
}

/** Of an incident that was not seen yet. */
export function milestonesAhead(steps: readonly StepName[]): Milestone[] {
  return steps.map((name) => ({ title: titles[name], done: false }))
}

/** The same, while nobody answers: what is due waits for that. */
export function whileAway(path: readonly Milestone[], away: string | undefined): Milestone[] {
  const due = path.findIndex(({ done }) => !done)
  return path.map((row, at) => (at === due && away !== undefined ? { ...row, waiting: `waiting for ${away}` } : row))
}

function milestone(step: StepRecord, record: IncidentRecord, { since, settled, runner }: View): Milestone {
  const { name, state, endedAt } = step
  const title = titles[name]
  if (state === 'running') return { title, done: false, ...underWay(step, record, runner) }
  const isOver = settled.has(name) || (endedAt !== undefined && endedAt >= since)
  if (!isOver || state === 'pending') return { title, done: false }
  return state === 'done' ? ended(step, record) : { title: failure(step), done: true, wrong: true }
}

function failure({ name, error }: StepRecord): string {
  return `${titles[name]}: ${error?.message ?? 'it failed'}`
}

/** A step that is done may have found what is not good. */
function ended(step: StepRecord, record: IncidentRecord): Milestone {
  const { text, wrong } = resultText(record, step.name)
  const title = text === undefined || !wrong ? titles[step.name] : text
  const told = text === undefined || wrong ? title : `${title}: ${text}`
  return { title: `${told}${took(step)}`, done: true, ...(wrong ? { wrong } : {}) }
}

function took({ startedAt, endedAt }: StepRecord): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  const ms = Date.parse(endedAt) - Date.parse(startedAt)
  return ms < 1_000 ? '' : ` (${span(ms)})`
}

const namedAtMost = 4

/** "waiting for api-1/8081, api-2/8082", and by whom it is carried out where that is somebody else. */
function underWay({ startedAt, waitingFor, runner: by }: StepRecord, { claim }: IncidentRecord, runner: string) {
  const more = waitingFor.length - namedAtMost
  const names = [...waitingFor.slice(0, namedAtMost), ...(more > 0 ? [`${more} more`] : [])]
  const whom = names.length === 0 ? [] : [`waiting for ${names.join(', ')}`]
  const other = by !== undefined && by !== runner ? [`carried out by ${claim?.runner ?? by}`] : []
  const waiting = [...other, ...whom].join(', ')
  return {
    ...(waiting === '' ? {} : { waiting }),
    ...(startedAt === undefined ? {} : { since: timeOfDay(startedAt) }),
  }
}
