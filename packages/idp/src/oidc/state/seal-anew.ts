import { rootIdIn, type Sealer } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../../tables.ts'
import { recordOf } from './sealed.ts'

/** In one pass; the rest comes with the next. */
const mostRows = 5_000
/** For so many it takes a few milliseconds, in which requests wait. */
const mostTogether = 200

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
    WHERE (${root} < ${sealing} OR ${root} > ${sealing}) AND expires_at > now() LIMIT ${mostRows}`.execute(db)
  const failed: unknown[] = []
  for (let n = 0; n < rows.length; n += mostTogether) {
    await replace(
      db,
      rows.slice(n, n + mostTogether).flatMap((row) => {
        try {
          const record = recordOf(row.model, row.id_hash)
          return [{ ...row, next: sealer.seal(record, sealer.open(record, row.sealed)) }]
        } catch (error) {
          failed.push(error)
          return []
        }
      }),
    )
  }
  if (failed.length > 0) throw failed[0]
  return rows.length
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
