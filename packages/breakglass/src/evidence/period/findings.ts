/** What the events of a period tell: each rotation, what was revoked, and what departed from the usual way. */
import type { RecordedEvent } from '../../providers/port.ts'
import { type Event, readEvent } from '../events.ts'
import type { Occurrence, PeriodEvidence, Rotation } from './document.ts'

/** The actions that evidence of a period is made of. Another one says nothing of rotations. */
export const periodActions = [
  'keyring.rotation_requested',
  'keyring.activated',
  'keyring.rolled_back',
  'keyring.discarded',
  'keyring.revocation_requested',
  'keyring.revoked',
  'keyring.policy_changed',
  'credential.rotated',
  'credential.revoked',
  'credential.tripwire',
  'issuance.moved',
  'incident.opened',
  'incident.frozen',
  'incident.unfrozen',
] as const
type Action = (typeof periodActions)[number]

type Findings = Pick<PeriodEvidence, 'rotations' | 'revocations' | 'exceptions'>

/**
 * Sealed evidence is compared with what this draws, letter by letter, years later: another word, another rule or another order is
 * a new `format` of evidence, and evidence of this one goes on being drawn as here.
 */
export function findingsOf(recorded: readonly RecordedEvent[]): Findings {
  const events = recorded.flatMap((each) => readEvent(each) ?? [])
  return {
    rotations: events.flatMap((event) => rotationOf(event, events)),
    revocations: events.flatMap((event) => occurrenceOf(event, revocations)),
    exceptions: events.flatMap((event) => (isUsual(event) ? [] : occurrenceOf(event, exceptions))),
  }
}

type Told = Readonly<Partial<Record<string, string>>>

const revocations: Told = {
  'keyring.revoked': 'version revoked',
  'credential.revoked': 'credential revoked',
} satisfies Partial<Record<Action, string>>

const exceptions: Told = {
  'keyring.activated': 'rotation forced: it did not wait until everybody had the new key',
  'keyring.rolled_back': 'rolled back to the version before',
  'keyring.discarded': 'prepared version given up',
  'keyring.policy_changed': 'policy changed',
  'credential.tripwire': 'a secret was presented that nobody should use any more',
  'issuance.moved': 'tokens are signed by another keyring',
  'incident.opened': 'incident opened',
  'incident.frozen': 'administration frozen',
  'incident.unfrozen': 'administration unfrozen',
} satisfies Partial<Record<Action, string>>

const isUsual = ({ action, details }: Event) => action === 'keyring.activated' && details.forced !== true

function rotationOf(event: Event, events: readonly Event[]): Rotation[] {
  const { at, id, action, details, actor, agentId } = event
  const versions = { from: text(details.replaces), to: text(details.version) }
  if (action === 'credential.rotated') {
    const what = text(details.credentialId) ?? ''
    return [given({ at, kind: 'client', what, agentId: agentId ?? undefined, ...versions, by: actor, event: id })]
  }
  // The first key of a keyring replaces none.
  if (action !== 'keyring.activated' || versions.from === undefined) return []
  const by = text(details.requestedBy) ?? actor
  const what = text(details.keyring) ?? ''
  return [given({ at, kind: 'signing', what, ...versions, by, reason: reasonOf(event, events), event: id })]
}

/** It stands with the request: the newest of the same keyring before the rotation was carried out. */
function reasonOf({ seq, details: { keyring } }: Event, events: readonly Event[]): string | undefined {
  const about = events.filter(({ details, seq: at }) => details.keyring === keyring && at < seq)
  const last = about.findLast(({ action }) => action === 'keyring.rotation_requested' || action === 'keyring.activated')
  return last?.action === 'keyring.rotation_requested' ? text(last.details.reason) : undefined
}

function occurrenceOf({ at, id, action, actor, details }: Event, told: Told): Occurrence[] {
  const what = told[action]
  if (what === undefined) return []
  const [reason, incident, version] = [details.reason, details.incident, details.version].map(text)
  const about = text(details.credentialId ?? details.keyring ?? details.incident) ?? ''
  const by = text(details.requestedBy) ?? text(details.operator) ?? actor
  return [given({ at, what, about, version, by, reason, incident, event: id })]
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Without the members that have no value: as it will be read back. */
function given<T extends object>(members: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}
