/**
 * Encrypting columns anew by the key that is sealed by now.
 *
 * A sweep goes through the values of every other version, in the order of the versions and, within one, of the rows; by the
 * index, so that what is done costs nothing. How far it has come stands in `column_sweeps`, and is saved with each batch: it
 * may be killed anywhere and carried on by anybody, and several may take part at once. A value is replaced only where it is
 * still the one that was read, so whoever writes meanwhile loses nothing.
 *
 * What is behind it may be written meanwhile (by an instance that did not hear of the new key yet), and what does not open is
 * left as it is. So when it is through it begins another pass, until nothing is left, or a whole pass moved nothing.
 */
import type { Kysely } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import { type After, pause } from '../clock.ts'
import { asDatabaseError } from '../connection/translate.ts'
import { DatabaseError, type DatabaseErrorCode } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { type Batch, doBatch } from './batch.ts'
import type { ColumnCipher } from './cipher.ts'
import type { EncryptedColumn } from './column.ts'
import { type ColumnCount, countValues } from './counts.ts'
import { joinSweep } from './progress.ts'
import { type SweptColumn, sweptColumn } from './swept.ts'

/** A value that was left as it is, and why. Never what it says. */
export interface RefusedValue {
  table: string
  column: string
  rowId: string
  code: DatabaseErrorCode
}

/** How a sweep goes about it. */
export interface SweepOptions {
  /** Rows to be read and written in one transaction; 1000 by default. */
  batch?: number
  /** How many rows a second at most, by all that take part; as many as there can be where absent. */
  perSecond?: number
  /** Who asked for it, for those who look how far it has come. */
  by?: string
  /** Told after each batch. */
  onProgress?: (progress: SweepProgress) => void
  /** Ends it after the batch that is under way. */
  signal?: AbortSignal
  /** What pauses come from; by default the system's timers. */
  after?: After
}

/** What one call has done so far. */
export interface SweepProgress {
  table: string
  column: string
  /** Values that were encrypted anew. */
  moved: number
  /** Values that do not open, in the pass under way. */
  refused: number
}

/** What one call did, and what is left. */
export interface SweepOutcome {
  moved: number
  /** Those that do not open, the first 1000 of them. */
  refused: RefusedValue[]
  /** What is not encrypted by the key that was sealed by at the end. Empty: all is. */
  left: ColumnCount[]
}

const refusedTold = 1000
const defaultBatch = 1_000

/**
 * Encrypts anew whatever is not encrypted by the version that the cipher seals by. While somebody goes on adding values of
 * another version, or of an admitted older form, it goes on too.
 *
 * @throws DatabaseError `COLUMN_KEY_MISSING` when there is no key to seal by, or when one of this database's keys that values
 *   hang on is not held. What was written before is good, and the next call carries on.
 */
export async function reencrypt<T extends DatabaseTables>(
  database: Kysely<T>,
  columns: readonly EncryptedColumn[],
  cipher: ColumnCipher,
  options: SweepOptions = {},
): Promise<SweepOutcome> {
  const db = ownTables(database)
  const sweep = new Sweep(db, cipher, options)
  for (const column of columns) await sweep.through(await sweptColumn(db, column))
  const left = (await countValues(db, columns)).filter(({ version }) => version !== cipher.sealingId)
  return { moved: sweep.moved, refused: sweep.refused, left }
}

class Sweep {
  moved = 0
  refused: RefusedValue[] = []
  readonly #db: Kysely<DatabaseTables>
  readonly #cipher: ColumnCipher
  readonly #options: SweepOptions

  constructor(db: Kysely<DatabaseTables>, cipher: ColumnCipher, options: SweepOptions) {
    this.#db = db
    this.#cipher = cipher
    this.#options = options
  }

  async through(column: SweptColumn): Promise<void> {
    const { perSecond, by = 'rekey', signal, after } = this.#options
    let begun = await joinSweep(this.#db, column, { by, perSecond, isAnother: false })
    while (!signal?.aborted) {
      const batch = await this.#batch(column)
      this.#note(column, batch)
      if (batch.waitMs > 0) await pause(batch.waitMs, signal, after)
      if (!batch.endsPass) continue
      if (!(await this.#isLeft(column))) return
      // Only of a pass that was seen from its beginning is it known that it met every value that does not open.
      if (begun && batch.inPass === 0) return
      this.refused = this.refused.filter(({ table, column: name }) => table !== column.table || name !== column.column)
      begun = await joinSweep(this.#db, column, { by, perSecond, isAnother: true })
    }
  }

  async #batch(column: SweptColumn): Promise<Batch> {
    const { batch: size = defaultBatch, perSecond = size } = this.#options
    for (;;) {
      try {
        return await doBatch(this.#db, column, this.#cipher, Math.max(1, Math.min(size, perSecond)))
      } catch (error) {
        const known = asDatabaseError(error)
        // In conflict with those who write rows meanwhile, in another order: nothing was written, and it is done again.
        if (!(known instanceof DatabaseError && known.code === 'TRY_AGAIN')) throw known
      }
    }
  }

  async #isLeft(column: EncryptedColumn): Promise<boolean> {
    const counts = await countValues(this.#db, [column])
    return counts.some(({ version }) => version !== this.#cipher.sealingId)
  }

  #note({ table, column }: EncryptedColumn, batch: Batch): void {
    this.moved += batch.moved
    const room = Math.max(0, refusedTold - this.refused.length)
    this.refused.push(...batch.refused.slice(0, room).map((each) => ({ table, column, ...each })))
    this.#options.onProgress?.({ table, column, moved: this.moved, refused: this.refused.length })
  }
}
