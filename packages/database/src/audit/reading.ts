import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

/** A reader that died is not waited for longer. */
const claimMs = 10_000

/**
 * Whose turn it is to read the whole chain unasked: one instance's at a time. A claim in a row, because a lock would need a
 * connection of its own for as long.
 */
export class ReadingTurn {
  readonly #db: Kysely<DatabaseTables>
  readonly #reader = randomUUID()

  constructor(db: Kysely<DatabaseTables>) {
    this.#db = db
  }

  /** Takes it, or keeps it. A claim far ahead is none of ours, and stops nobody. */
  async take(): Promise<boolean> {
    const { rows } = await sql`
      UPDATE audit_reading SET reader = ${this.#reader}, until = clock_timestamp() + ${claimMs} * interval '1 millisecond'
      WHERE reader = ${this.#reader} OR until < clock_timestamp()
        OR until > clock_timestamp() + ${2 * claimMs} * interval '1 millisecond'
      RETURNING one`.execute(this.#db)
    return rows.length > 0
  }

  async release(): Promise<void> {
    await sql`UPDATE audit_reading SET reader = NULL, until = '-infinity' WHERE reader = ${this.#reader}`.execute(
      this.#db,
    )
  }
}
