import type { IncidentRecord, StepRecord } from '../../../incident/record.ts'
import { bad, between, code, good, moment, type Section, type Text, tableOr, unsure } from '../text.ts'

export function timelineSection({ openedAt, timeline }: IncidentRecord): Section {
  const rows = timeline.map(({ at, what, by, details }): Text[] => [
    moment(at),
    Number.isNaN(Date.parse(at)) ? '—' : `+${between(openedAt, at)}`,
    what,
    code(by),
    detailsText(details),
  ])
  return {
    title: 'Timeline',
    blocks: [tableOr('Nothing was written down.', ['At', 'After', 'What', 'By', 'Details'], rows)],
  }
}

export function stepsSection({ steps }: IncidentRecord): Section {
  return {
    title: 'Steps',
    blocks: [{ kind: 'table', head: ['Step', 'State', 'Began', 'Took', 'Runs', 'Runner'], rows: steps.map(stepRow) }],
  }
}

function stepRow({ name, state, error, startedAt, endedAt, attempts, runner }: StepRecord): Text[] {
  // It is not over before the file that it makes is kept.
  const isSealing = name === 'evidence' && state === 'running'
  return [
    name,
    [isSealing ? 'this file' : states[state], error ? [' ', error.message, ' (', code(error.code), ')'] : ''],
    moment(startedAt),
    between(startedAt, endedAt),
    String(attempts),
    runner === undefined ? '—' : code(runner),
  ]
}

const states: Readonly<Record<StepRecord['state'], Text>> = {
  done: good('done'),
  failed: bad('failed'),
  running: unsure('running'),
  pending: unsure('not run'),
}

function detailsText(details: Record<string, unknown> | undefined): Text {
  const entries = Object.entries(details ?? {})
  if (entries.length === 0) return '—'
  return code(
    entries.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' '),
  )
}
