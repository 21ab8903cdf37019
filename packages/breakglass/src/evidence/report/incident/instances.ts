import {
  type InstanceAddress,
  type InstanceVerdict,
  isProved,
  placeOf,
  type RefreshOutcome,
} from '../../../instances/verdict.ts'
import type { IncidentEvidence } from '../../document.ts'
import { bad, code, counted, good, moment, paragraph, type Section, type Text, tableOr, unsure } from '../text.ts'

export const nameOf = (instance: InstanceAddress): Text => code(placeOf(instance))

/** What each was told, and what it answered. */
export function refreshSection({ refreshes }: IncidentEvidence): Section {
  const head = ['Instance', 'At', 'Answered', 'Denied taken', 'Processes', 'Reply']
  return {
    title: 'Instances made to look again',
    blocks: [tableOr('None was told to.', head, refreshes.map(refreshRow))],
  }
}

function refreshRow(outcome: RefreshOutcome): Text[] {
  const { at, denied, answeredBy, reply, status, message } = outcome
  const answered = [
    outcomes[outcome.outcome],
    status === undefined ? '' : ` (${status})`,
    message === undefined ? '' : `: ${message}`,
  ]
  return [
    nameOf(outcome),
    moment(at),
    answered,
    denied ? good('yes') : unsure('no'),
    answeredBy.length === 0 ? '—' : code(answeredBy.join(' ')),
    reply === undefined || reply === null ? '—' : code(shortened(JSON.stringify(reply))),
  ]
}

const outcomes: Readonly<Record<RefreshOutcome['outcome'], Text>> = {
  refreshed: good('refreshed'),
  absent: unsure('no such endpoint'),
  refused: bad('refused'),
  failed: bad('failed'),
  unreachable: bad('unreachable'),
}

const mostOfReply = 300
const shortened = (text: string) => (text.length > mostOfReply ? `${text.slice(0, mostOfReply)}…` : text)

/** What each did with three tokens; those that are not proved first. */
export function instancesSection({ instances }: IncidentEvidence): Section {
  const note =
    'Each was asked with three tokens: one signed by the compromised key, a fresh one, and one that is on the deny-list. ' +
    'It is proved when it refuses the first, takes the second and refuses the third, in several rounds in a row.'
  const head = [
    'Instance',
    'Verifies with',
    'Old refused',
    'Fresh accepted',
    'Denied refused',
    'Proved since',
    'Remarks',
  ]
  const sorted = instances.toSorted((a, b) => Number(isProved(a)) - Number(isProved(b)))
  const table = tableOr('No API instance was named: nothing was probed.', head, sorted.map(probeRow))
  return { title: 'Proof per instance', blocks: [...(instances.length === 0 ? [] : [paragraph(note)]), table] }
}

function probeRow(instance: InstanceVerdict): Text[] {
  const { library, oldRefused, freshAccepted, deniedRefused, provedAt, rounds, problems } = instance
  const since = provedAt === undefined ? '—' : `${moment(provedAt)}, ${counted(rounds, 'round')}`
  return [
    nameOf(instance),
    library ?? 'unknown',
    ...[oldRefused, freshAccepted, deniedRefused].map(answer),
    since,
    problems.join(' ') || '—',
  ]
}

const answer = (is: boolean | null): Text => (is === null ? unsure('not provable') : is ? good('yes') : bad('no'))
