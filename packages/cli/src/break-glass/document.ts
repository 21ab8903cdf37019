import type { IncidentRecord, InstanceVerdict, Outcome, StepRecord } from '@rekey/breakglass'

/** What `rekey break-glass --json` prints of an incident. Times are ISO 8601. */
export interface IncidentDocument {
  incident: string
  kid: string
  /** The key is revoked, every instance refuses it and every live verifier on the feed has acknowledged that. */
  contained: boolean
  /** What is not, as sentences: each with its worst case. */
  open: string[]
  /** What to know besides: the limits of what was seen. */
  notes: string[]
  /** Whether administration is frozen by it. */
  frozen: boolean
  /** Where it is kept: an absolute path, or the URL that it is downloaded from where an instance of the IdP sealed it; null while nothing is sealed. */
  evidence: string | null
  steps: Omit<StepRecord, 'result'>[]
  instances: InstanceVerdict[]
}

/** An incident and how far it has come. */
export type Seen = Omit<Outcome, 'evidence'> & { evidence?: string | undefined }

export function documentOf({ record, instances, evidence, contained, open, notes }: Seen): IncidentDocument {
  const { plan, frozen } = record
  const { incident, kid } = plan
  return {
    incident,
    kid,
    contained,
    open,
    notes,
    frozen,
    evidence: evidence ?? null,
    steps: stepsOf(record),
    instances,
  }
}

/** Their results are in the evidence: here they would bury what is asked for. */
function stepsOf({ steps }: IncidentRecord): IncidentDocument['steps'] {
  return steps.map(({ result: _result, ...step }) => step)
}
