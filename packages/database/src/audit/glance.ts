import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { noHash } from './canonical.ts'

/** Where the chain stands. */
export interface Glance {
  /** Whether events wait for their places. */
  waiting: boolean
  size: number
  head: string
  /** The newest checkpoint, when there is one: how many events it covers, when it was signed, and its text. */
  signed: number | null
  signedAt: number | null
  note: string | null
  /** By the database's clock. */
  now: number
}

/** One statement that reads a row or two of each table: every instance asks this a few times a second. */
export async function glance(db: Kysely<DatabaseTables>): Promise<Glance> {
  const { rows } = await sql<Glance>`
    SELECT EXISTS (SELECT FROM audit_waiting) AS waiting, coalesce(h.seq, 0) AS size,
      coalesce(encode(h.hash, 'hex'), ${noHash}) AS head,
      c.size AS signed, c.at AS "signedAt", c.note, clock_timestamp() AS now
    FROM (SELECT) AS one
      LEFT JOIN LATERAL (SELECT seq, hash FROM audit_chain ORDER BY seq DESC LIMIT 1) AS h ON true
      LEFT JOIN LATERAL (SELECT size, at, note FROM audit_checkpoints WHERE size <= coalesce(h.seq, 0)
        ORDER BY size DESC LIMIT 1) AS c ON true`.execute(db)
  return rows[0] as Glance
}
