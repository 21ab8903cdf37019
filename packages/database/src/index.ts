export type { ChainedEvent } from './audit/canonical.ts'
export { type AuditChain, type ChainOptions, openChain } from './audit/chain.ts'
export { exportLines } from './audit/export.ts'
export {
  type EventFilter,
  type EventPage,
  type EventRange,
  findEvent,
  type ListedEvent,
  listEvents,
} from './audit/list.ts'
export { newestCheckpoint } from './audit/newest.ts'
export { proofOf } from './audit/prove.ts'
export { type AuditEvent, recordEvent, recordEventAs, recordEvents } from './audit/record.ts'
export { type AuditSigner, auditSigner } from './audit/signer.ts'
export type { Problem, ProblemCode, Verdict } from './audit/verify/findings.ts'
export { type BackupDatabase, type BackupManifest, usuallyKeptMs } from './backup/manifest.ts'
export { verifyBackup } from './backup/read.ts'
export { type Restored, type RestoreOptions, type RestoreTarget, restoreBackup } from './backup/restore.ts'
export { type BackupSource, takeBackup } from './backup/take.ts'
export { lockName } from './changes/lock.ts'
export { beginEpoch, beginEpochOnClaim, currentRevision, recordChange, revisionChannel } from './changes/record.ts'
export { type ChangeRecord, pruneChanges } from './changes/since.ts'
export type { After } from './clock.ts'
export { type ColumnCipher, columnCipher, errorsOfOneValue, type LegacyForms } from './columns/cipher.ts'
export type { ColumnKey, ColumnKeys, EncryptedColumn } from './columns/column.ts'
export { type ColumnCount, columnsHeld, countValues } from './columns/counts.ts'
export { columnVersionOf, type LegacyForm } from './columns/form.ts'
export { type ColumnForm, closeForm, columnForms, openForm } from './columns/forms.ts'
export { knownValue, opensKnownValue } from './columns/known.ts'
export { type ColumnSweep, columnSweeps } from './columns/progress.ts'
export {
  type RefusedValue,
  reencrypt,
  type SweepOptions,
  type SweepOutcome,
  type SweepProgress,
} from './columns/sweep.ts'
export { type Connection, type ConnectOptions, connect, notifyThrough, type Pool } from './connection/connect.ts'
export { asDatabaseError } from './connection/translate.ts'
export { type Embedded, type EmbeddedOptions, startEmbedded } from './embedded/start.ts'
export { DatabaseError, type DatabaseErrorCode, type DatabaseErrorFacts } from './error.ts'
export { type Clocks, clockToleranceMs, instanceLeaseMs } from './instances/lease.ts'
export { type AnnouncedKeys, databaseLedger, type Ledger, type Newest } from './instances/ledger.ts'
export { type OpenViewOptions, openView } from './instances/open.ts'
export { type InstanceRow, type Instances, pruneInstances } from './instances/row.ts'
export { type Heard, InstanceView, type ViewOptions } from './instances/view.ts'
export type { Viewer } from './instances/viewer.ts'
export { type Jobs, type JobsOptions, openJobs } from './jobs/open.ts'
export type { Job, NewJob, Queue, QueueOptions } from './jobs/queue.ts'
export type { WorkOptions } from './jobs/work.ts'
export { databaseKeyringStore, databaseNow, keyringTopic } from './keyrings/store.ts'
export type { LostReason } from './listener/ear.ts'
export { type Listener, type ListenerOptions, openListener } from './listener/open.ts'
export { checkSchema } from './migrations/check.ts'
export type { MigrationSource } from './migrations/files.ts'
export { type MigrateOptions, migrate } from './migrations/migrate.ts'
export { databaseMigrations, jobsMigrations } from './migrations/own.ts'
export { HeldRootKeys, type SealedUnder, whoLacksRootKey } from './sealing/held.ts'
export {
  addRootKey,
  type RootKey,
  type RootKeyList,
  readRootKey,
  readRootKeys,
  removeRootKeys,
  rootKeyIds,
} from './sealing/root-key.ts'
export { rootIdIn, rootIdOf, type Sealer, type SealingKeys, sealerFor } from './sealing/seal.ts'
export type { DatabaseTables, NullableTime, Time } from './tables.ts'
