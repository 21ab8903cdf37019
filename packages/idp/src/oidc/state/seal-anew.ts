import { rootIdIn, type Sealer } from '@rekey/database'
import { mostSealedAnew, sealRowsAnew } from '@rekey/service'
import { sql } from 'kysely'
import type { IdpDatabase } from '../../tables.ts'
import { recordOf } from './sealed.ts'

interface Row {
  model: string
  id_hash: Buffer
  sealed: string
}

/**
 * Seals under the root key by which is sealed now what lies under another: a login may last for weeks, and an older root key
 * would be needed for as long.
 *
 * @param sealing the id of that root key
 * @returns how many there were
 * @throws DatabaseError for one that does not open, when all others are done
 */
export async function sealStateAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const root = rootIdIn('sealed')
  // Not `<>`: by these two the index finds them.
  const { rows } = await sql<Row>`
    SELECT model, id_hash, sealed FROM oidc_state
    WHERE (${root} < ${sealing} OR ${root} > ${sealing}) AND expires_at > now() LIMIT ${mostSealedAnew}`.execute(db)
  const stored = rows.map((row) => ({ ...row, record: recordOf(row.model, row.id_hash) }))
  return sealRowsAnew(stored, sealer, (sealedAnew) => replace(db, sealedAnew))
}

/** Unless it was saved anew meanwhile, or has ended. */
async function replace(db: IdpDatabase, rows: readonly (Row & { next: string })[]): Promise<void> {
  const column = <K extends keyof Row | 'next'>(name: K) => rows.map((row) => row[name])
  await sql`
    UPDATE oidc_state AS held SET sealed = anew.next
    FROM unnest(${column('model')}::text[], ${column('id_hash')}::bytea[], ${column('sealed')}::text[],
      ${column('next')}::text[]) AS anew (model, id_hash, sealed, next)
    WHERE held.model = anew.model AND held.id_hash = anew.id_hash AND held.sealed = anew.sealed`.execute(db)
}
