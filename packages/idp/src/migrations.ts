import { databaseMigrations, jobsMigrations, type MigrationSource, migrate } from '@rekey/database'

/** The schema of the identity provider: that of every service, that of jobs, and its own. */
export const migrations: MigrationSource[] = [
  databaseMigrations,
  jobsMigrations,
  { package: 'idp', folder: new URL('../migrations/', import.meta.url) },
]

/**
 * Tables of what ends when a backup is restored: nobody can tell which of it was ended, revoked or used since. It costs a login,
 * or another token from the token endpoint.
 */
export const endedByRestore = ['opaque_tokens', 'oidc_state', 'idempotent_replies', 'backchannel_logouts'] as const

/**
 * Brings the schema up to date. Any number of callers at once do it once.
 *
 * @param ownerUrl a role that owns the tables, or will
 * @throws DatabaseError `SCHEMA_TOO_NEW`, `MIGRATION_CHANGED`, or why the database cannot be reached
 */
export async function migrateIdp(ownerUrl: string): Promise<void> {
  await migrate(ownerUrl, migrations)
}
