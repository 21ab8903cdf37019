import type { MigrationSource } from './files.ts'

/** The migrations of this package; give them to `migrate` before those of packages that stand on it. */
export const databaseMigrations: MigrationSource = {
  package: 'database',
  folder: new URL('../../migrations/', import.meta.url),
}
