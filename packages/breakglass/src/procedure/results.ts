import type { IncidentRecord, StepName } from '../incident/record.ts'
import { stepOf } from '../incident/record.ts'
import type { Baseline, InstanceAddress, InstanceVerdict, RefreshOutcome } from '../instances/verdict.ts'
import type {
  Acknowledgements,
  Changes,
  EndedSessions,
  Inspection,
  Probe,
  Promotion,
  Revocation,
  Unavailable,
} from '../providers/port.ts'

/** What was had before the revocation. Never a token: the provider, or the operator, gives it again. */
export interface BeforeRevocation {
  old: Omit<Probe, 'token'> | Unavailable
  instances: InstanceAddress[]
  baselines: Baseline[]
  /** What could not be had, as sentences. */
  problems: string[]
}

export interface Sealed {
  /** Where the evidence is kept. */
  kept: string
  /** Fingerprint of the key that signed it. */
  signer: string
  /** SHA-256 of it, hexadecimal. */
  sha256: string
}

/** What is kept of each step. */
export interface StepResults {
  guard: Inspection
  freeze: { frozenAt: string } | Unavailable
  probes: BeforeRevocation
  promote: Promotion
  revoke: Revocation
  sessions: EndedSessions | Unavailable
  verifiers: Acknowledgements | Unavailable
  refresh: RefreshOutcome[]
  prove: InstanceVerdict[]
  changes: Changes | Unavailable
  evidence: Sealed
}

/** What came of a step that was done, or `undefined`. */
export function resultOf<Name extends StepName>(record: IncidentRecord, name: Name): StepResults[Name] | undefined {
  const { state, result } = stepOf(record, name)
  return state === 'done' ? (result as StepResults[Name]) : undefined
}

export function isUnavailable(value: object): value is Unavailable {
  return 'unavailable' in value
}
