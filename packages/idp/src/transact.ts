import { asDatabaseError, DatabaseError } from '@rekey/database'
import type { Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from './tables.ts'

/**
 * Makes a change in a transaction, and once more when PostgreSQL chose this one to break a deadlock: nothing of it was done,
 * and whoever was in its way has gone on.
 *
 * @param act reads and writes by the transaction only
 */
export async function transact<Result>(
  db: IdpDatabase,
  act: (transaction: Transaction<IdpTables>) => Promise<Result>,
): Promise<Result> {
  const once = () => db.transaction().execute(act)
  return once().catch((error: unknown) => {
    if (isDeadlock(error)) return once()
    throw error
  })
}

function isDeadlock(error: unknown): boolean {
  const translated = asDatabaseError(error)
  return translated instanceof DatabaseError && translated.facts.sqlState === '40P01'
}
