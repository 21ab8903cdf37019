import { isDeepStrictEqual } from 'node:util'
import type { RecordedEvent } from '../providers/port.ts'
import { uncontained, unseen } from './containment.ts'
import type { IncidentEvidence } from './document.ts'
import { readEvent } from './events.ts'
import { type EstateFacts, estateOf, type PeriodEvidence } from './period/document.ts'
import { drawn } from './period/draw.ts'
import { type Evidence, isIncident } from './views.ts'

/** What evidence claims although the facts in it say otherwise, as sentences. */
export function falseClaims(evidence: Evidence): string[] {
  return isIncident(evidence) ? falseOfIncident(evidence) : falseOfPeriod(evidence)
}

function falseOfIncident(evidence: IncidentEvidence): string[] {
  const { contained } = evidence.verdict
  const why = contained ? [...uncontained(evidence), ...unseen(evidence), ...notOnRecord(evidence)] : []
  return [
    ...why.map((sentence) => `it says that the incident is contained, but ${sentence}`),
    ...otherIncident(evidence),
  ]
}

/** What steps say may be written by whoever may write in the journal. What the audit says may not. */
function notOnRecord({ provider, record, keys, incident: { plan, openedAt } }: IncidentEvidence): string[] {
  if (provider.kind !== 'rekey' || !('events' in record) || record.incomplete !== undefined) return []
  const key = keys.after.find(({ kid }) => kid === plan.kid)
  const isOlder = key?.revokedAt !== undefined && Date.parse(key.revokedAt) < Date.parse(openedAt)
  if (key?.state !== 'revoked' || isOlder) return []
  const events = record.events.flatMap((each) => readEvent(each) ?? [])
  const isThere = events.some(({ action, details }) => action === 'keyring.revoked' && details.version === plan.kid)
  return isThere ? [] : ['its record knows of no revocation of the key']
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

function falseOfPeriod(evidence: PeriodEvidence): string[] {
  const { record, period, rotations, revocations, exceptions, coverage, backend } = evidence
  const estate = estateOf(evidence)
  const redrawn = JSON.parse(JSON.stringify(drawn(evidence)))
  const { coverage: covered, backend: ofBackend, ...findings } = redrawn
  const isDrawn = isDeepStrictEqual({ rotations, revocations, exceptions }, findings)
  const isBackend = !estate || isDeepStrictEqual(backend, ofBackend)
  const isCovered = !estate || isDeepStrictEqual(coverage, covered)
  return [
    ...(isDrawn ? [] : ['its rotations, revocations and exceptions are not those that its record tells of']),
    ...(isBackend ? [] : ['what it says of the backend for frontend is not what the record of that tells']),
    ...(isCovered ? [] : ['its coverage does not follow from its inventory and its record']),
    ...outside(record.events, period, 'its record has events from outside the period'),
    ...(estate ? outsideOfEstate(estate, period) : []),
  ]
}

function outsideOfEstate({ before, bff }: EstateFacts, period: PeriodEvidence['period']): string[] {
  const earlier = { from: before.from, to: period.from }
  return [
    ...outside(before.events, earlier, 'its record of what was before has events from another time'),
    ...outside(bff?.record.events ?? [], period, 'the record of its backend has events from outside the period'),
    ...outside(bff?.before.events ?? [], earlier, 'the record of its backend before has events from another time'),
  ]
}

function outside(events: readonly RecordedEvent[], period: PeriodEvidence['period'], problem: string): string[] {
  const others = events.flatMap((each) => readEvent(each) ?? []).filter(({ at }) => !isWithin(at, period))
  return others.length === 0 ? [] : [problem]
}

function isWithin(at: string, { from, to }: PeriodEvidence['period']): boolean {
  const moment = Date.parse(at)
  return moment >= Date.parse(from) && moment < Date.parse(to)
}
