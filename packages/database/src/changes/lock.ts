import { sql, type Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

/** What names are locked of. The numbers keep names of different sorts apart; instances of two releases must agree on them. */
const sorts = { keyring: 7, idempotencyKey: 11, organization: 13, account: 17 } as const

/** Locks a name until the transaction ends. A row that does not exist yet cannot be locked; its name can. */
export async function lockName<T extends DatabaseTables>(
  transaction: Transaction<T>,
  sort: keyof typeof sorts,
  name: string,
): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${name}, ${sorts[sort]}))`.execute(transaction)
}
