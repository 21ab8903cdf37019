import { databaseMigrations, type MigrationSource } from '@rekey/database'

/** The schema of the BFF: that of every service, and its own. */
export const migrations: MigrationSource[] = [
  databaseMigrations,
  { package: 'bff', folder: new URL('../migrations/', import.meta.url) },
]

/**
 * Tables of what ends when a backup is restored: a session may have ended since, and a link been used. It costs a login, or another
 * e-mail.
 */
export const endedByRestore = ['sessions', 'links'] as const
