import { z } from 'zod'
import type { AppliedMigration } from '../migrations/compare.ts'

/** Of the file. A release reads its own form and those before it. */
export const backupForm = 1

/** For how long backups are kept where `REKEY_BACKUPS_KEPT` says nothing else. */
export const usuallyKeptMs = 30 * 86_400_000

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
  /**
   * Of what was revoked since then it knows nothing: `takenAt`, or earlier where the database had itself been restored, and no instance
   * had brought it up to the journal yet.
   */
  goesBackTo: string
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

const texts = z.array(z.string())
const count = z.int().min(0)

const headerShape = z.object({
  name: z.string(),
  takenAt: z.iso.datetime(),
  goesBackTo: z.iso.datetime(),
  epoch: count,
  revision: count,
  migrations: z.array(
    z.object({ package: z.string(), number: count, name: z.string(), breaking: z.boolean(), checksum: z.string() }),
  ),
  serviceRoles: texts,
  rootKeys: texts,
  chained: count,
  tables: z.array(z.object({ name: z.string(), columns: texts })),
  sequences: z.array(z.object({ table: z.string(), column: z.string(), value: z.int(), isCalled: z.boolean() })),
})

const manifestShape = z.object({
  form: z.int(),
  release: z.string(),
  databases: z
    .array(
      headerShape.extend({
        rows: z.array(z.object({ name: z.string(), rows: count, sha256: z.string() })),
        needs: z.object({ rootKeys: texts, columnKeys: texts }),
      }),
    )
    .min(1),
})

/** Is that the head of a database? A file may be anybody's, and say anything. */
export const isHeader = (value: unknown): value is BackupHeader => headerShape.safeParse(value).success

export const isManifest = (value: unknown): value is BackupManifest => manifestShape.safeParse(value).success
