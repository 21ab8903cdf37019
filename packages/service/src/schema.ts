import { checkSchema, DatabaseError, type MigrationSource, migrate } from '@rekey/database'

/** By which a service reaches its database. */
export interface DatabaseUrls {
  databaseUrl: string
  /** For LISTEN and migrations, where `databaseUrl` leads through a transaction-mode pooler. */
  databaseDirectUrl: string
  /** For migrations, where the service's own role does not own the tables. */
  databaseOwnerUrl?: string | undefined
}

/**
 * Brings the schema up to date. Without an owner's URL the service's role migrates only where there is something to do: it need
 * not own the tables.
 *
 * @throws DatabaseError `SCHEMA_TOO_OLD` when there is something to do and it may not
 */
export async function ensureSchema(urls: DatabaseUrls, migrations: MigrationSource[]): Promise<void> {
  const { databaseOwnerUrl, databaseDirectUrl, databaseUrl } = urls
  if (databaseOwnerUrl) {
    await migrate(databaseOwnerUrl, migrations, { serviceRole: decodeURIComponent(new URL(databaseUrl).username) })
    return
  }
  await checkSchema(databaseDirectUrl, migrations).catch(async (tooOld) => {
    if (!(tooOld instanceof DatabaseError) || tooOld.code !== 'SCHEMA_TOO_OLD') throw tooOld
    await migrate(databaseDirectUrl, migrations).catch((error) => {
      const refused = error instanceof DatabaseError && error.code === 'PERMISSION_DENIED'
      throw refused ? tooOld : error
    })
  })
}
