import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Kysely, sql, type Transaction } from 'kysely'
import { DatabaseError, type DatabaseErrorCode } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import type { ColumnCipher } from './cipher.ts'
import type { EncryptedColumn } from './column.ts'
import { versionBehind, versionIn } from './counts.ts'
import { endPass, lockPlace, savePlace } from './progress.ts'

/** A column as a sweep knows it. */
export interface SweptColumn extends EncryptedColumn {
  /** The type of its ids, as PostgreSQL writes it. */
  idType: string
}

/** @throws what `pg` throws where there is no such table, and an error where it has no such column */
export async function sweptColumn(db: Kysely<DatabaseTables>, column: EncryptedColumn): Promise<SweptColumn> {
  const { rows } = await sql<{ type: string }>`
    SELECT format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
    WHERE attrelid = ${column.table}::regclass AND attname = ${column.id} AND NOT attisdropped`.execute(db)
  const [row] = rows
  if (!row) throw new TypeError(`${column.table} has no column ${column.id}`)
  return { ...column, idType: row.type }
}

/** What one batch came to. */
export interface Batch {
  moved: number
  refused: { rowId: string; code: DatabaseErrorCode }[]
  /** How long the pace asks to wait before the next one. */
  waitMs: number
  /** The pass is over: there is nothing behind. */
  endsPass: boolean
  /** How much was moved in the pass, by all that take part. */
  inPass: number
}

interface Row {
  rowId: string
  stored: string
}

interface Encrypted {
  moves: (Row & { sealed: string })[]
  failures: { rowId: string; error: unknown }[]
}

/** What keeps one value from being opened, and no other. */
const ofOneValue: readonly DatabaseErrorCode[] = [
  'SEAL_DAMAGED',
  'LEGACY_FORM_REFUSED',
  'LEGACY_VALUE_AMBIGUOUS',
  'LEGACY_VALUE_UNREADABLE',
]

/** Takes the next rows of the pass, or ends it. One transaction: how far it has come is saved with what was written. */
export function doBatch(
  db: Kysely<DatabaseTables>,
  column: SweptColumn,
  cipher: ColumnCipher,
  size: number,
): Promise<Batch> {
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      const place = await lockPlace(transaction, column)
      const nothing = { moved: 0, refused: [], endsPass: place.hasEnded, inPass: place.inPass }
      if (place.hasEnded || place.waitMs > 0) return { ...nothing, waitMs: place.hasEnded ? 0 : place.waitMs }
      const next = await nextRows(transaction, column, cipher.sealingId, place, size)
      if (next.rows.length === 0) {
        await endPass(transaction, column)
        return { ...nothing, waitMs: 0, endsPass: true }
      }
      const { moved, refused } = await move(transaction, column, cipher, next.rows)
      const rowId = next.rows.at(-1)?.rowId ?? null
      const { version } = next
      await savePlace(transaction, column, { version, rowId, read: next.rows.length, moved, refused: refused.length })
      return { moved, refused, waitMs: 0, endsPass: false, inPass: place.inPass + moved }
    })
}

/** The rows behind a place: of its version, or where there are none of the version behind that, but the one to seal by. */
async function nextRows(
  transaction: Transaction<DatabaseTables>,
  column: EncryptedColumn,
  sealingId: string | undefined,
  { version, rowId }: { version: string; rowId: string | null },
  size: number,
): Promise<{ version: string; rows: Row[] }> {
  const isSwept = version !== '' && version !== sealingId
  const rows = isSwept ? await rowsOf(transaction, column, version, rowId, size) : []
  if (rows.length > 0) return { version, rows }
  const next = await versionBehind(transaction, column, version)
  return next === undefined
    ? { version, rows }
    : nextRows(transaction, column, sealingId, { version: next, rowId: null }, size)
}

async function rowsOf(
  transaction: Transaction<DatabaseTables>,
  { table, column, id }: EncryptedColumn,
  version: string,
  behind: string | null,
  size: number,
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    SELECT ${sql.ref(id)}::text AS "rowId", ${sql.ref(column)} AS stored FROM ${sql.table(table)}
    WHERE ${versionIn(column)} = ${version} AND ${behind === null ? sql`true` : sql`${sql.ref(id)} > ${behind}`}
    ORDER BY ${sql.ref(id)} LIMIT ${size}`.execute(transaction)
  return rows
}

/** How many rows are encrypted while the ones before are written. */
const portionRows = 250

/** Encrypts rows anew and writes them, a portion after the other: PostgreSQL writes one while the next is encrypted here. */
async function move(
  transaction: Transaction<DatabaseTables>,
  column: SweptColumn,
  cipher: ColumnCipher,
  rows: readonly Row[],
): Promise<Pick<Batch, 'moved' | 'refused'>> {
  const refused: Batch['refused'] = []
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
  if (ofOneValue.includes(error.code)) return error.code
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
