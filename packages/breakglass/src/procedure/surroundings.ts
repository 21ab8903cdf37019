import type { Clock } from '../clock.ts'
import type { IncidentEvidence } from '../evidence/document.ts'
import type { EvidenceKey } from '../evidence/key.ts'
import type { IncidentRecord } from '../incident/record.ts'
import type { InstanceTools } from '../instances/tools.ts'
import type { Baseline, InstanceVerdict } from '../instances/verdict.ts'
import type { IdentityProvider, Inspection } from '../providers/port.ts'

/** What the procedure works with. */
export interface Surroundings {
  provider: IdentityProvider
  instances: InstanceTools
  evidence: {
    key: EvidenceKey
    /** Keeps the sealed bytes. @returns where they are */
    keep(incident: string, bytes: Uint8Array): Promise<string>
  }
  /** Whose claim it is, for people and for the journal: `user@host (pid 7)`. No two runs may share it at one time. */
  runner: string
  clock: Clock
  monotonic: Clock
  /** Rejects when `signal` says so. */
  pause(ms: number, signal?: AbortSignal): Promise<void>
  /** Ends the run between two awaits; what is done is kept. */
  signal: AbortSignal
  /** The secret of the instances' internal endpoints. */
  refreshToken?: string | undefined
  /**
   * Whether that secret may be sent to an instance: of a plan that somebody else wrote down, only to those that whoever runs it
   * named himself. Default: to all.
   */
  mayTell?: (instance: { url: string }) => boolean
  /** A token by the compromised key, for a provider that cannot make one any more. */
  oldToken?: string | undefined
  /** Told whenever something changed, also while it is somebody else who carries the incident out. */
  onChange(record: IncidentRecord): void
  /** Told that the identity provider is away, and for how long, where no step shows it; `undefined`: it is back. */
  onAway?(away: string | undefined): void
  /** Name and version of what runs here, for the evidence. */
  software: string
  /** For how long an identity provider that is away is waited for; 60 s. */
  patienceMs?: number
}

/** What came of an incident. */
export interface Outcome extends Verdict {
  record: IncidentRecord
  instances: InstanceVerdict[]
  /** Where the evidence is kept. */
  evidence: string
}

type Verdict = IncidentEvidence['verdict']

/** What would be done, and what could not be proved. */
export interface Rehearsal {
  inspection: Inspection
  /** The instances that would be called, and how they answer now. */
  instances: Baseline[]
  /** What would be in the way, could not be done or could not be proved, as sentences. */
  warnings: string[]
}
