import type { Kysely } from 'kysely'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { checkpointLine } from './checkpoints.ts'
import type { Signatories } from './keys.ts'
import { newestCheckpoint } from './newest.ts'
import { ownTables } from './own-tables.ts'

const pageSize = 1000

/**
 * The audit as lines of JSON, each with its line break: the canonical text of every event that the newest checkpoint
 * covers, then `{"checkpoint", "publicKey"}`. Events of the last second or so may be left to the next export.
 *
 * @throws DatabaseError `TRY_AGAIN` when there is no checkpoint yet
 */
export async function* exportLines<T extends DatabaseTables>(
  database: Kysely<T>,
  signers: Signatories,
): AsyncGenerator<string> {
  const db = ownTables(database)
  const newest = await newestCheckpoint(db, signers)
  if (!newest) throw new DatabaseError('TRY_AGAIN', 'The audit has no checkpoint yet. It will in a second.')
  for (let seq = 0; seq < newest.size; ) {
    const page = await db
      .selectFrom('audit_chain')
      .select(['seq', 'text'])
      .where('seq', '>', seq)
      .where('seq', '<=', newest.size)
      .orderBy('seq')
      .limit(pageSize)
      .execute()
    if (page.length === 0) break
    yield page.map(({ text }) => `${text}\n`).join('')
    seq = page.at(-1)?.seq ?? newest.size
  }
  yield checkpointLine(newest.note, newest.publicKey)
}
