import type { Kysely, Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

/** A service's tables contain ours; that Kysely can select from them is more than the compiler can follow. */
export function ownTables<T extends DatabaseTables>(transaction: Transaction<T>): Transaction<DatabaseTables>
export function ownTables<T extends DatabaseTables>(db: Kysely<T>): Kysely<DatabaseTables>
export function ownTables<T extends DatabaseTables>(db: Kysely<T>): Kysely<DatabaseTables> {
  return db as unknown as Kysely<DatabaseTables>
}
