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
