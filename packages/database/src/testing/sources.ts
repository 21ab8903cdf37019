import { existsSync } from 'node:fs'
import type { MigrationSource } from '../migrations/files.ts'
import { databaseMigrations, jobsMigrations } from '../migrations/own.ts'

/** The migrations of all packages of the workspace, in the order in which they build on each other. */
export function workspaceMigrations(): MigrationSource[] {
  const above = ['idp'].map((name) => ({
    package: name,
    folder: new URL(`../../../${name}/migrations/`, import.meta.url),
  }))
  return [databaseMigrations, jobsMigrations, ...above.filter(({ folder }) => existsSync(folder))]
}
