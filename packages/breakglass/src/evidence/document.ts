import type { IncidentRecord } from '../incident/record.ts'
import type { InstanceVerdict, RefreshOutcome } from '../instances/verdict.ts'
import type { Acknowledgements, Changes, Inspection, KeyShown, ProviderRecord, Unavailable } from '../providers/port.ts'

/** Everything that is known of an incident, as it stands in `evidence.json`. Times are ISO 8601. */
export interface IncidentEvidence {
  format: 'rekey-incident-evidence/1'
  sealedAt: string
  /** Who sealed it, and how far the clock there is ahead of the provider's, in milliseconds. */
  sealedBy: { runner: string; clockOffsetMs: number; software: string }
  provider: Inspection['provider']
  /** Plan, steps, timeline: the incident as its journal keeps it. */
  incident: IncidentRecord
  keys: { before: KeyShown[]; after: KeyShown[] }
  acknowledgements: Acknowledgements | null
  refreshes: RefreshOutcome[]
  instances: InstanceVerdict[]
  changes: Changes | Unavailable
  record: ProviderRecord | Unavailable
  verdict: {
    /** The key is revoked, every instance is proved, every live verifier on the feed has acknowledged. */
    contained: boolean
    /** Everything that is not so, or could not be done, as sentences: each with its worst case. */
    open: string[]
    /** What to know besides: the limits of what was seen. */
    notes: string[]
  }
}

/** A rotation that took place. Times are ISO 8601; `event` is the id of the audit's event that tells of it. */
export interface Rotation {
  at: string
  kind: 'signing' | 'client'
  /** The keyring, or the credential. */
  what: string
  agentId?: string
  from?: string
  to?: string
  /** Who asked for it; `rekey` where it was due by the policy. */
  by: string
  reason?: string
  event: string
}

/** Something that was refused for good, or that departs from the usual way. */
export interface Occurrence {
  at: string
  /** For example `version revoked`, `rotation forced`, `administration frozen`. */
  what: string
  /** The keyring, credential or incident. */
  about: string
  version?: string
  by: string
  reason?: string
  incident?: string
  event: string
}

/** A credential whose rotation is overdue, or a keyring whose key is. */
export interface Overdue {
  what: string
  kind: string
  agent?: string
  rotatedAt: string
  overdueSince: string
}

/** What is read for the evidence of a period. */
export interface PeriodFacts {
  format: 'rekey-period-evidence/1'
  sealedAt: string
  sealedBy: Omit<IncidentEvidence['sealedBy'], 'clockOffsetMs'>
  issuer: string
  /** The control of a standard that it is for: `CC9.2`. */
  control: string
  /** From, and before. */
  period: { from: string; to: string }
  /** As they stand when it is sealed. */
  keyrings: { name: string; kind: string; algorithm?: string; policy: unknown; versions: unknown[] }[]
  overdue: Overdue[]
  /** What could not be read or listed, as sentences. */
  missing: string[]
  record: ProviderRecord
}

/** The facts, and what follows from the events among them: `verifyEvidence` draws it anew. */
export interface PeriodEvidence extends PeriodFacts {
  rotations: Rotation[]
  revocations: Occurrence[]
  exceptions: Occurrence[]
}
