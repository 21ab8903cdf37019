import { asDatabaseError, DatabaseError } from '@rekey/database'
import type { Kysely, Transaction } from 'kysely'

/**
 * Makes a change in a transaction, and once more when PostgreSQL chose this one to break a deadlock: nothing of it was done,
 * and whoever was in its way has gone on.
 *
 * @param act reads and writes by the transaction only
 */
export async function transact<Tables, Result>(
  db: Kysely<Tables>,
  act: (transaction: Transaction<Tables>) => Promise<Result>,
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
