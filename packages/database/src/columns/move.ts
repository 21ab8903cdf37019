/** Encrypts rows of a column anew, within the transaction of a batch. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import { DatabaseError, type DatabaseErrorCode } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { type ColumnCipher, errorsOfOneValue } from './cipher.ts'
import type { EncryptedColumn } from './column.ts'
import type { SweptColumn } from './swept.ts'

/** A row whose value is to be encrypted anew. */
export interface Row {
  rowId: string
  stored: string
}

/** What became of rows. */
export interface Moved {
  moved: number
  /** Those that do not open. */
  refused: { rowId: string; code: DatabaseErrorCode }[]
}

interface Encrypted {
  moves: (Row & { sealed: string })[]
  failures: { rowId: string; error: unknown }[]
}

/** How many rows are encrypted while the ones before are written. */
const portionRows = 250

/** Encrypts rows anew and writes them, a portion after the other: PostgreSQL writes one while the next is encrypted here. */
export async function move(
  transaction: Transaction<DatabaseTables>,
  column: SweptColumn,
  cipher: ColumnCipher,
  rows: readonly Row[],
): Promise<Moved> {
  const refused: Moved['refused'] = []
  let moved = 0
  let writing = Promise.resolve(0)
  for (let at = 0; at < rows.length; at += portionRows) {
    const { moves, failures } = encryptAll(column, cipher, rows.slice(at, at + portionRows))
    moved += await writing
    for (const { rowId, error } of failures) refused.push({ rowId, code: await whyOne(transaction, error) })
    writing = write(transaction, column, moves)
    // It must be on its way before the processor is busy with the next portion.
    await Promise.race([writing, nextTurn()])
  }
  moved += await writing
  return { moved, refused }
}

function encryptAll(column: EncryptedColumn, cipher: ColumnCipher, rows: readonly Row[]): Encrypted {
  const { moves, failures }: Encrypted = { moves: [], failures: [] }
  for (const { rowId, stored } of rows) {
    try {
      moves.push({ rowId, stored, sealed: cipher.seal(column, rowId, cipher.open(column, rowId, stored)) })
    } catch (error) {
      failures.push({ rowId, error })
    }
  }
  return { moves, failures }
}

/** A key of this database that is not held is missing for all its values, and comes back; one that never was is a mistake of the row. */
async function whyOne(transaction: Transaction<DatabaseTables>, error: unknown): Promise<DatabaseErrorCode> {
  if (!(error instanceof DatabaseError)) throw error
  if (errorsOfOneValue.includes(error.code)) return error.code
  const { version } = error.facts
  if (error.code !== 'COLUMN_KEY_MISSING' || version === undefined) throw error
  const known = await transaction
    .selectFrom('column_versions')
    .select('id')
    .where('id', '=', `${version}`)
    .executeTakeFirst()
  if (known) throw error
  return error.code
}

/** Replaces each value where it is still the one that was read. @returns how many were */
async function write(
  transaction: Transaction<DatabaseTables>,
  { table, column, id, idType }: SweptColumn,
  moves: Encrypted['moves'],
): Promise<number> {
  if (moves.length === 0) return 0
  const of = (name: keyof Encrypted['moves'][number]) => moves.map((move) => move[name])
  // As the type that ids have: an index answers nothing about their texts.
  const ids = sql`${of('rowId')}::text[]::${sql.raw(idType)}[]`
  const written = await sql`
    UPDATE ${sql.table(table)} AS target SET ${sql.ref(column)} = moved.sealed
    FROM unnest(${ids}, ${of('stored')}::text[], ${of('sealed')}::text[]) AS moved (id, stored, sealed)
    WHERE target.${sql.ref(id)} = moved.id AND target.${sql.ref(column)} = moved.stored`.execute(transaction)
  return Number(written.numAffectedRows ?? 0n)
}
