import { rootIdIn, type Sealer } from '@rekey/database'
import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'
import { recordOf } from './stored.ts'

/** In one pass; the rest comes with the next. */
const mostRows = 5_000
/** For so many it takes a few milliseconds, in which requests wait. */
const mostTogether = 200

interface Row {
  session_id: string
  sealed_tokens: string
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
    SELECT session_id, sealed_tokens FROM sessions
    WHERE (${root} < ${sealing} OR ${root} > ${sealing}) AND expires_at > now() LIMIT ${mostRows}`.execute(db)
  const failed: unknown[] = []
  for (let n = 0; n < rows.length; n += mostTogether) {
    await replace(
      db,
      rows.slice(n, n + mostTogether).flatMap((row) => {
        try {
          const record = recordOf(row.session_id)
          return [{ ...row, next: sealer.seal(record, sealer.open(record, row.sealed_tokens)) }]
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

/** Unless its tokens were refreshed meanwhile, or it has ended. */
async function replace(db: BffDatabase, rows: readonly (Row & { next: string })[]): Promise<void> {
  const column = <K extends keyof Row | 'next'>(name: K) => rows.map((row) => row[name])
  await sql`
    UPDATE sessions AS held SET sealed_tokens = anew.next
    FROM unnest(${column('session_id')}::uuid[], ${column('sealed_tokens')}::text[], ${column('next')}::text[])
      AS anew (session_id, sealed_tokens, next)
    WHERE held.session_id = anew.session_id AND held.sealed_tokens = anew.sealed_tokens`.execute(db)
}
