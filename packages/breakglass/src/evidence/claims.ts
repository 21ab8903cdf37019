import { isDeepStrictEqual } from 'node:util'
import { uncontained, unseen } from './containment.ts'
import type { IncidentEvidence, PeriodEvidence } from './document.ts'
import { readEvent } from './events.ts'
import { findingsOf } from './period/findings.ts'
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
