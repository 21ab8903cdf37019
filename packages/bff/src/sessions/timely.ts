import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { BffTables } from '../tables.ts'
import type { SessionParts } from './parts.ts'

/** For so long PostgreSQL waits for the next statement, and lets one take. */
const patience = '2s'

/**
 * A transaction that names versions of keyrings in a row that begins.
 *
 * Which version is active is asked for in it, under the lease, and written by its last statement but the commit. Between the two
 * PostgreSQL waits for one statement, carries it out, waits for the commit and carries that out: whatever becomes of this process
 * and its connection, it has all come to pass 8 s after the lease was good, or nothing has. The drain of a version counts on 10 s
 * (packages/keyring/src/kinds/counted.ts).
 *
 * @param write chooses the versions, and has one statement
 * @param before what else belongs to it
 */
export function timely<Result>(
  { connection, requireLease }: Pick<SessionParts, 'connection' | 'requireLease'>,
  write: (transaction: Transaction<BffTables>) => Promise<Result>,
  before: (transaction: Transaction<BffTables>) => Promise<unknown> = async () => undefined,
): Promise<Result> {
  return transact(connection.db, async (transaction) => {
    await before(transaction)
    await sql`SELECT set_config('statement_timeout', ${patience}, true),
      set_config('idle_in_transaction_session_timeout', ${patience}, true)`.execute(transaction)
    requireLease()
    return write(transaction)
  })
}
