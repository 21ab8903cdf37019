export { type Clock, monotonicClock, systemClock } from './clock.ts'
export { BreakGlassError, type BreakGlassErrorCode } from './error.ts'
export type {
  IncidentEvidence,
  Occurrence,
  Overdue,
  PeriodEvidence,
  PeriodFacts,
  Rotation,
} from './evidence/document.ts'
export { type EvidenceKey, makeEvidenceKey, readEvidenceKey } from './evidence/key.ts'
export { ensureEvidenceKey, loadEvidenceKey } from './evidence/key-file.ts'
export { readEvidenceFile } from './evidence/open.ts'
export { periodActions } from './evidence/period/findings.ts'
export { sealIncident, sealPeriod } from './evidence/seal.ts'
export { type EvidenceVerdict, type Known, verifyEvidence } from './evidence/verify.ts'
export { type ApiTarget, incidentId, type Plan, type PlanInput, plan, type SessionSelector } from './incident/plan.ts'
export {
  type IncidentRecord,
  newSteps,
  type StepName,
  type StepRecord,
  type StepState,
  stepNames,
  stepOf,
  type TimelineEntry,
} from './incident/record.ts'
export type { Lookup } from './instances/addresses.ts'
export type { ClientOptions } from './instances/client.ts'
export { readTargets } from './instances/targets.ts'
export {
  type InstanceTools,
  instanceTools,
  type Probes,
  type ProofRequest,
  type RefreshRequest,
  type ToolOptions,
} from './instances/tools.ts'
export {
  type Answered,
  type Baseline,
  type InstanceAddress,
  type InstanceVerdict,
  isProved,
  type RefreshOutcome,
} from './instances/verdict.ts'
export { worstCaseOf } from './instances/worst-case.ts'
export { type FolderJournal, folderJournal } from './journal/folder.ts'
export type { Journal, StepChange } from './journal/journal.ts'
export type { StoredIncident } from './journal/transition.ts'
export * as transition from './journal/transition.ts'
export { breakGlass, checkIncident, resumeIncident } from './procedure/break-glass.ts'
export { type AskedRemedy, falseRemedy } from './procedure/false-remedy.ts'
export { rehearse } from './procedure/rehearse.ts'
export type { BeforeRevocation, Sealed, StepResults } from './procedure/results.ts'
export type { Outcome, Rehearsal, Surroundings } from './procedure/surroundings.ts'
export { outcomeOf } from './procedure/verdict.ts'
export type { CommandConfig } from './providers/command/config.ts'
export { readCommandFile } from './providers/command/file.ts'
export { type CommandSurroundings, commandProvider } from './providers/command/provider.ts'
export type {
  Acknowledgements,
  ChangeForReview,
  Changes,
  EndedSessions,
  IdentityProvider,
  Inspection,
  KeyShown,
  Probe,
  ProbeKind,
  Promotion,
  ProviderRecord,
  Publication,
  RecordedEvent,
  Revocation,
  Unavailable,
  VerifierShown,
} from './providers/port.ts'
export type { ApiRequest, ManagementApi } from './providers/rekey/api.ts'
export { apiOverFetch } from './providers/rekey/over-fetch.ts'
export { rekeyProvider } from './providers/rekey/provider.ts'
