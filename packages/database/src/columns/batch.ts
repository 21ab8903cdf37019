import { type Kysely, sql, type Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { ColumnCipher } from './cipher.ts'
import type { EncryptedColumn } from './column.ts'
import { versionBehind, versionIn } from './counts.ts'
import { type Moved, move, type Row } from './move.ts'
import { endPass, lockPlace, savePlace } from './progress.ts'
import type { SweptColumn } from './swept.ts'

/** What one batch came to. */
export interface Batch extends Moved {
  /** How long the pace asks to wait before the next one. */
  waitMs: number
  /** The pass is over: there is nothing behind. */
  endsPass: boolean
  /** How much was moved in the pass, by all that take part. */
  inPass: number
}

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
