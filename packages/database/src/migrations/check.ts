import { DatabaseError } from '../error.ts'
import { hasBookkeeping, readApplied } from './bookkeeping.ts'
import { label, pendingMigrations } from './compare.ts'
import { type MigrationSource, readMigrations } from './files.ts'
import { withClient } from './migrate.ts'

/**
 * For an instance that may not migrate, because it has the service role only: returns when the schema is one that this
 * release can work with. Throws SCHEMA_TOO_OLD when a migration is missing, and what `migrate` throws.
 */
export async function checkSchema(url: string, sources: readonly MigrationSource[]): Promise<void> {
  const migrations = await readMigrations(sources)
  const applied = await withClient(url, async (client) => ((await hasBookkeeping(client)) ? readApplied(client) : []))
  const [missing] = pendingMigrations(migrations, applied)
  if (!missing) return
  throw new DatabaseError(
    'SCHEMA_TOO_OLD',
    `The database lacks migration ${label(missing)}. Migrate it first, as the role that owns the tables.`,
    { facts: { package: missing.package, number: missing.number } },
  )
}
