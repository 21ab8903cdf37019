import { DatabaseError } from '../error.ts'
import type { Migration } from './files.ts'

/** A row of the table `migrations`. */
export interface AppliedMigration {
  package: string
  number: number
  name: string
  breaking: boolean
  checksum: string
}

/**
 * What is still to be applied. Pure. Throws MIGRATION_CHANGED when an applied file has another content now, and
 * SCHEMA_TOO_NEW when a newer release made a change to one of these packages' tables that this one cannot live with.
 */
export function pendingMigrations(known: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const appliedByKey = new Map(applied.map((row) => [keyOf(row), row]))
  const knownKeys = new Set(known.map(keyOf))
  const packages = new Set(known.map((migration) => migration.package))
  refuseTooNew(applied.filter((row) => packages.has(row.package) && !knownKeys.has(keyOf(row))))
  for (const migration of known) refuseChanged(migration, appliedByKey.get(keyOf(migration)))
  return known.filter((migration) => !appliedByKey.has(keyOf(migration)))
}

function refuseTooNew(unknown: readonly AppliedMigration[]): void {
  const breaking = unknown.find((row) => row.breaking)
  if (!breaking) return
  throw new DatabaseError(
    'SCHEMA_TOO_NEW',
    `The database has the breaking migration ${label(breaking)}, which this release does not know. Run a newer release.`,
    { facts: { package: breaking.package, number: breaking.number } },
  )
}

function refuseChanged(migration: Migration, row: AppliedMigration | undefined): void {
  if (!row || row.checksum === migration.checksum) return
  throw new DatabaseError(
    'MIGRATION_CHANGED',
    `Migration ${label(migration)} was applied with another content. Applied files are never edited: add a new one.`,
    { facts: { package: migration.package, number: migration.number } },
  )
}

/** How a migration is called in messages: package/0001-name. */
export function label(migration: { package: string; number: number; name: string }): string {
  return `${migration.package}/${String(migration.number).padStart(4, '0')}-${migration.name}`
}

const keyOf = (migration: { package: string; number: number }): string => `${migration.package}/${migration.number}`
