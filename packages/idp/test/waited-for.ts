import { eventually } from '@rekey/database/testing'
import { sql, type Transaction } from 'kysely'
import type { IdpTables } from '../src/tables.ts'

/**
 * Until somebody waits for a lock of this transaction. Asked on its own connection, so that it is not ended for idleness meanwhile;
 * and by who blocks whom, because `pg_locks` knows of the waits of all databases of the server.
 */
export async function waitedFor(transaction: Transaction<IdpTables>): Promise<void> {
  const waits = sql`SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`
  await eventually(
    () => waits.execute(transaction),
    ({ rows }) => rows.length > 0,
  )
}
