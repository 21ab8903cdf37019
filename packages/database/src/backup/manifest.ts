import type { AppliedMigration } from '../migrations/compare.ts'

/** Of the file. A release reads its own form and those before it. */
export const backupForm = 1

/** What a table has in a backup. */
export interface BackupTable {
  name: string
  columns: readonly string[]
}

/** What a table's rows came to. */
export interface BackupRows {
  name: string
  rows: number
  /** Of its rows as COPY writes them. */
  sha256: string
}

/** Where a sequence stood that numbers a column. */
export interface BackupSequence {
  table: string
  column: string
  value: number
  isCalled: boolean
}

/** A database as it stood at one moment: all that has to be known before its rows. */
export interface BackupHeader {
  name: string
  /** By the clock of the database. */
  takenAt: string
  epoch: number
  revision: number
  migrations: readonly AppliedMigration[]
  /** That the tables are open to. */
  serviceRoles: readonly string[]
  /** Root keys that were ever sealed under, by id, the newest first. That one must be held. */
  rootKeys: readonly string[]
  /** Events in the audit chain. */
  chained: number
  /** Each after those that it refers to. */
  tables: readonly BackupTable[]
  sequences: readonly BackupSequence[]
}

/** A database in the manifest. */
export interface BackupDatabase extends BackupHeader {
  rows: readonly BackupRows[]
  /** Keys that values in it name: they open with these alone, and none of them is in the backup. */
  needs: { rootKeys: readonly string[]; columnKeys: readonly string[] }
}

/** What is in a backup. It stands at its end, and all that comes before has to agree with it. */
export interface BackupManifest {
  form: number
  /** That made it. */
  release: string
  databases: readonly BackupDatabase[]
}
