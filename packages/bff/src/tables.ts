import type { DatabaseTables } from '@rekey/database'
import type { Kysely } from 'kysely'

/** The tables of the BFF, beside those that every service has. */
export interface BffTables extends DatabaseTables {}

export type BffDatabase = Kysely<BffTables>
