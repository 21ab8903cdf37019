import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { type Checkpoint, openNote } from './note.ts'
import { ownTables } from './own-tables.ts'

export interface NewestCheckpoint extends Checkpoint {
  /** The C2SP signed note. */
  note: string
  /** How many stand above it that are not signed by the key. */
  above: number
}

const readAtOnce = 16

/**
 * The newest checkpoint: of those that cover no more than there is, and are signed by the key of the audit. What else the
 * service's role put there is for a verification to find; it must not take the place of the newest.
 *
 * @returns nothing when there is none yet
 */
export async function newestCheckpoint<T extends DatabaseTables>(
  db: Kysely<T>,
  { publicKey }: { publicKey: Buffer },
): Promise<NewestCheckpoint | undefined> {
  let above = 0
  for (let upTo = Number.MAX_SAFE_INTEGER; ; ) {
    const rows = await readDown(ownTables(db), upTo)
    for (const { size, note } of rows) {
      const checkpoint = openNote(note, publicKey)
      if (checkpoint?.size === size) return { ...checkpoint, note, above }
      above += 1
    }
    if (rows.length < readAtOnce) return undefined
    upTo = (rows.at(-1)?.size ?? 0) - 1
  }
}

async function readDown(db: Kysely<DatabaseTables>, upTo: number): Promise<{ size: number; note: string }[]> {
  const { rows } = await sql<{ size: number; note: string }>`
    SELECT size, note FROM audit_checkpoints
    WHERE size BETWEEN 0 AND least(${upTo}::bigint, (SELECT coalesce(max(seq), 0) FROM audit_chain))
    ORDER BY size DESC LIMIT ${readAtOnce}`.execute(db)
  return rows
}
