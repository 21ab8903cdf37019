import { rootIdIn, type Sealer } from '@rekey/database'
import { mostSealedAnew, sealRowsAnew } from '@rekey/service'
import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'
import { recordOf } from './stored.ts'

interface Row {
  id: string
  sealed: string
}

/**
 * Seals under the root key by which is sealed now what lies under another: a session that is not used would need the older one
 * until its end.
 *
 * @param sealing the id of that root key
 * @returns how many there were
 * @throws DatabaseError for one that does not open, when all others are done
 */
export async function sealSessionsAnew(db: BffDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const root = rootIdIn('sealed_tokens')
  // Not `<>`: by these two the index finds them.
  const { rows } = await sql<Row>`
    SELECT session_id AS id, sealed_tokens AS sealed FROM sessions
    WHERE (${root} < ${sealing} OR ${root} > ${sealing}) AND expires_at > now() LIMIT ${mostSealedAnew}`.execute(db)
  const stored = rows.map((row) => ({ ...row, record: recordOf(row.id) }))
  return sealRowsAnew(stored, sealer, (sealedAnew) => replace(db, sealedAnew))
}

/** Unless its tokens were refreshed meanwhile, or it has ended. */
async function replace(db: BffDatabase, rows: readonly (Row & { next: string })[]): Promise<void> {
  const column = <K extends keyof Row | 'next'>(name: K) => rows.map((row) => row[name])
  await sql`
    UPDATE sessions AS held SET sealed_tokens = anew.next
    FROM unnest(${column('id')}::uuid[], ${column('sealed')}::text[], ${column('next')}::text[])
      AS anew (id, sealed, next)
    WHERE held.session_id = anew.id AND held.sealed_tokens = anew.sealed`.execute(db)
}
