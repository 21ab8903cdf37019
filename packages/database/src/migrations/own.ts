import type { MigrationSource } from './files.ts'

/** The migrations of this package; give them to `migrate` before those of packages that stand on it. */
export const databaseMigrations: MigrationSource = {
  package: 'database',
  folder: new URL('../../migrations/', import.meta.url),
}

/** The tables of jobs, for services that have any. They are in the schema `pgboss`. */
export const jobsMigrations: MigrationSource = {
  package: 'jobs',
  folder: new URL('../../migrations/jobs/', import.meta.url),
}
