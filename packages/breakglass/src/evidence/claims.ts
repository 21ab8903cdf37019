import { isDeepStrictEqual } from 'node:util'
import { stepOf } from '../incident/record.ts'
import { uncontained } from './containment.ts'
import type { IncidentEvidence, PeriodEvidence } from './document.ts'
import { readEvent } from './events.ts'
import { findingsOf } from './period/findings.ts'
import { type Evidence, isIncident } from './views.ts'

/** What evidence claims although the facts in it say otherwise, as sentences. */
export function falseClaims(evidence: Evidence): string[] {
  return isIncident(evidence) ? falseOfIncident(evidence) : falseOfPeriod(evidence)
}

function falseOfIncident(evidence: IncidentEvidence): string[] {
  const why = evidence.verdict.contained ? [...uncontained(evidence), ...unseen(evidence)] : []
  return [
    ...why.map((sentence) => `it says that the incident is contained, but ${sentence}`),
    ...otherIncident(evidence),
  ]
}

/** Of a look that failed, or was not taken, nobody knows what it would have shown. */
function unseen({ incident }: IncidentEvidence): string[] {
  const looks = ['verifiers', 'prove'] as const
  return looks.flatMap((name) => (stepOf(incident, name).state === 'done' ? [] : [`the step ${name} was not done`]))
}

/** The audit knows which incidents were opened, and about which key: evidence of one cannot be passed off as that of another. */
function otherIncident({ record, incident: { plan } }: IncidentEvidence): string[] {
  const events = 'events' in record ? record.events.flatMap((each) => readEvent(each) ?? []) : []
  const opened = events.filter(({ action }) => action === 'incident.opened')
  if (opened.length === 0) return []
  const own = opened.find(({ details }) => details.incident === plan.incident)
  if (!own) return ['the record is that of another incident']
  const { kid = plan.kid } = own.details
  return kid === plan.kid ? [] : ['by its record the incident is about another key']
}

function falseOfPeriod({ record, period, rotations, revocations, exceptions }: PeriodEvidence): string[] {
  const drawn = findingsOf(record.events)
  const isDrawn = isDeepStrictEqual({ rotations, revocations, exceptions }, JSON.parse(JSON.stringify(drawn)))
  const outside = record.events.flatMap((each) => readEvent(each) ?? []).filter(({ at }) => !isWithin(at, period))
  return [
    ...(isDrawn ? [] : ['its rotations, revocations and exceptions are not those that its record tells of']),
    ...(outside.length === 0 ? [] : ['its record has events from outside the period']),
  ]
}

function isWithin(at: string, { from, to }: PeriodEvidence['period']): boolean {
  const moment = Date.parse(at)
  return moment >= Date.parse(from) && moment < Date.parse(to)
}
