import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { Signatories } from './keys.ts'
import { inclusionPath, spansOfPath } from './merkle/subtree.ts'
import { newestCheckpoint } from './newest.ts'
import { verifierKey } from './note.ts'
import { ownTables } from './own-tables.ts'
import type { EventProof } from './proof.ts'
import { readNodes } from './tree.ts'

/**
 * Proves that an event stands in the chain, by the newest checkpoint.
 *
 * @returns `'waiting'` when no checkpoint covers the event yet (that takes about a second), nothing when there is no such event
 * @throws DatabaseError `AUDIT_DAMAGED` when the tree lacks what the proof is made of
 */
export async function proofOf<T extends DatabaseTables>(
  database: Kysely<T>,
  eventId: string,
  signers: Signatories,
): Promise<EventProof | 'waiting' | undefined> {
  const db = ownTables(database)
  const { rows } = await sql<{ seq: number | null; hash: string; text: string }>`
    SELECT c.seq, encode(c.hash, 'hex') AS hash, c.text
    FROM audit_events e LEFT JOIN audit_chain c ON c.event_id = e.id WHERE e.id = ${eventId}`.execute(db)
  const [found] = rows
  if (!found) return undefined
  const { seq, hash, text } = found
  const newest = await newestCheckpoint(db, signers)
  if (seq === null || !newest || newest.size < seq) return 'waiting'
  const { size, note, origin } = newest
  const path = inclusionPath(seq - 1, size, await readNodes(db, spansOfPath(seq - 1, size)))
  const publicKey = verifierKey(origin, newest.publicKey)
  return { event: text, seq, hash, treeSize: size, path, checkpoint: note, publicKey }
}
