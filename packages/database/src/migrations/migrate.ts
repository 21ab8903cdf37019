import pg, { type ClientBase } from 'pg'
import { asDatabaseError } from '../connection/translate.ts'
import { clientConfig } from '../connection/url.ts'
import { DatabaseError } from '../error.ts'
import { prepareSchema, readApplied, recordApplied, takeLock } from './bookkeeping.ts'
import { label, pendingMigrations } from './compare.ts'
import { type Migration, type MigrationSource, readMigrations } from './files.ts'

/** How to migrate. */
export interface MigrateOptions {
  /**
   * The role that the service connects as; `rekey_service` by default. Where it does not exist, or is the owner, there
   * is nothing to grant.
   */
  serviceRole?: string
}

/**
 * Brings the schema up to date, as the role that owns it, and returns the labels of what was applied. Each file runs in
 * a transaction of its own under one lock, so that any number of instances may call this at once; a failing file leaves
 * no trace and those before it stay.
 *
 * The owner's tables are open to the service role for SELECT, INSERT, UPDATE and DELETE; every call sees to that, so that
 * the role may be made, or exchanged for another, at any time. A file narrows it by
 * `SELECT limit_service('audit_events', 'SELECT, INSERT')`, which holds for every service role that there ever is.
 *
 * Throws DatabaseError: MIGRATION_INVALID, MIGRATION_CHANGED, MIGRATION_FAILED, SCHEMA_TOO_NEW, and those of
 * connections.
 */
export async function migrate(
  ownerUrl: string,
  sources: readonly MigrationSource[],
  { serviceRole = 'rekey_service' }: MigrateOptions = {},
): Promise<string[]> {
  const migrations = await readMigrations(sources)
  return withClient(ownerUrl, async (client) => {
    const applied: string[] = []
    for (;;) {
      const next = await transaction(client, () => applyNext(client, migrations, serviceRole))
      if (!next) return applied
      applied.push(label(next))
    }
  })
}

async function applyNext(
  client: ClientBase,
  migrations: readonly Migration[],
  serviceRole: string,
): Promise<Migration | undefined> {
  await takeLock(client)
  await prepareSchema(client, serviceRole)
  const [next] = pendingMigrations(migrations, await readApplied(client))
  if (!next) return undefined
  await run(client, next)
  await recordApplied(client, next)
  return next
}

async function run(client: ClientBase, migration: Migration): Promise<void> {
  try {
    await client.query(migration.sql)
  } catch (cause) {
    const translated = asDatabaseError(cause)
    if (translated instanceof DatabaseError && translated.code !== 'UNIQUE_VIOLATION') throw translated
    throw new DatabaseError('MIGRATION_FAILED', `Migration ${label(migration)} failed: ${(cause as Error).message}`, {
      cause,
      facts: { package: migration.package, number: migration.number },
    })
  }
}

async function transaction<T>(client: ClientBase, act: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await act()
    await client.query('COMMIT')
    return result
  } catch (error) {
    // When the connection is gone so is the transaction; the error that matters is the first one.
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Runs with one connection of its own, and translates what goes wrong. */
export async function withClient<T>(url: string, act: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = new pg.Client(clientConfig(url, 'rekey migrate'))
  // The query under way rejects as well; without a listener Node would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await act(client)
  } catch (error) {
    throw asDatabaseError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
