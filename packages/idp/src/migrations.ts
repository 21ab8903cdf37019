import { databaseMigrations, jobsMigrations, type MigrationSource, migrate } from '@rekey/database'

/** The schema of the identity provider: that of every service, that of jobs, and its own. */
export const migrations: MigrationSource[] = [
  databaseMigrations,
  jobsMigrations,
  { package: 'idp', folder: new URL('../migrations/', import.meta.url) },
]

/**
 * Brings the schema up to date. Any number of callers at once do it once.
 *
 * @param ownerUrl a role that owns the tables, or will
 * @throws DatabaseError `SCHEMA_TOO_NEW`, `MIGRATION_CHANGED`, or why the database cannot be reached
 */
export async function migrateIdp(ownerUrl: string): Promise<void> {
  await migrate(ownerUrl, migrations)
}
