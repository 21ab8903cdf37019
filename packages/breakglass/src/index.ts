export type { Clock } from './clock.ts'
export { BreakGlassError, type BreakGlassErrorCode } from './error.ts'
export type { IncidentEvidence } from './evidence/document.ts'
export { type EvidenceKey, makeEvidenceKey, readEvidenceKey } from './evidence/key.ts'
export { ensureEvidenceKey, loadEvidenceKey } from './evidence/key-file.ts'
export { evidenceReport, readEvidenceFile } from './evidence/open.ts'
export { rotationActions } from './evidence/period/coverage.ts'
export type {
  Coverage,
  InventoriedSecret,
  MetricHistory,
  Overdue,
  PeriodEvidence,
  PeriodFacts,
} from './evidence/period/document.ts'
export { periodActions } from './evidence/period/findings.ts'
export { proveAll } from './evidence/prove.ts'
export { sealPeriod } from './evidence/seal.ts'
export { type EvidenceVerdict, type Known, verifyEvidence } from './evidence/verify.ts'
export { denyEntryOf } from './incident/deny-entry.ts'
export { type ApiTarget, incidentId, type Plan, type PlanInput, plan, type SessionSelector } from './incident/plan.ts'
export {
  allSteps,
  type IncidentRecord,
  newSteps,
  type StepName,
  type StepRecord,
  stepNames,
  stepOf,
  type TimelineEntry,
} from './incident/record.ts'
export { refreshTokenOf } from './instances/refresh-token.ts'
export { readTargets } from './instances/targets.ts'
export { instanceTools } from './instances/tools.ts'
export {
  type InstanceAddress,
  type InstanceVerdict,
  isProved,
  placeOf,
  type RefreshOutcome,
} from './instances/verdict.ts'
export { folderJournal } from './journal/folder.ts'
export type { StepChange } from './journal/journal.ts'
export type { StoredIncident } from './journal/transition.ts'
export * as transition from './journal/transition.ts'
export { breakGlass, checkIncident, isThere, resumeIncident } from './procedure/break-glass.ts'
export { falseRemedy } from './procedure/false-remedy.ts'
export { rehearse } from './procedure/rehearse.ts'
export { type BeforeRevocation, isUnavailable, resultOf, type Sealed, type StepResults } from './procedure/results.ts'
export type { Outcome, Rehearsal, Surroundings } from './procedure/surroundings.ts'
export { outcomeOf } from './procedure/verdict.ts'
export { readCommandFile } from './providers/command/file.ts'
export { commandProvider } from './providers/command/provider.ts'
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
  RecordedEvent,
  Revocation,
  Unavailable,
  VerifierShown,
} from './providers/port.ts'
export type { ManagementApi } from './providers/rekey/api.ts'
export { apiOverFetch } from './providers/rekey/over-fetch.ts'
export { rekeyProvider } from './providers/rekey/provider.ts'
