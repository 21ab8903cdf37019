import { databaseMigrations, type MigrationSource } from '@rekey/database'

/** The schema of the BFF: that of every service, and its own. */
export const migrations: MigrationSource[] = [
  databaseMigrations,
  { package: 'bff', folder: new URL('../migrations/', import.meta.url) },
]
