import { type Kysely, sql } from 'kysely'

/**
 * Copies tables as a backup would bring them back.
 *
 * @param db of their owner
 * @returns puts the copies in the place of what is there then
 */
export async function backupOf<Tables>(db: Kysely<Tables>, tables: readonly string[]): Promise<() => Promise<void>> {
  // In one snapshot: somebody may be saving at this moment, and revisions without their changes are no backup of anything.
  await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (transaction) => {
      for (const table of tables) {
        await sql.raw(`CREATE TABLE backup_of_${table} AS TABLE ${table}`).execute(transaction)
      }
    })
  const back = tables.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE backup_of_${table};`)
  const away = tables.map((table) => `DROP TABLE backup_of_${table};`)
  return async () => {
    await sql.raw(`DO $$ BEGIN ${[...back, ...away].join(' ')} END $$`).execute(db)
  }
}
