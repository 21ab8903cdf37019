import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { inclusionPath, spansOfPath } from './merkle/subtree.ts'
import { decodeUnverified, verifierKey } from './note.ts'
import type { EventProof } from './proof.ts'
import type { AuditSigner } from './signer.ts'
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
  signer: AuditSigner,
): Promise<EventProof | 'waiting' | undefined> {
  const db = database as unknown as Kysely<DatabaseTables>
  const { rows } = await sql<{ seq: number | null; hash: string; text: string; size: number | null; note: string }>`
    SELECT c.seq, encode(c.hash, 'hex') AS hash, c.text, k.size, k.note
    FROM audit_events e LEFT JOIN audit_chain c ON c.event_id = e.id
      LEFT JOIN LATERAL (SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1) AS k ON k.size >= c.seq
    WHERE e.id = ${eventId}`.execute(db)
  const [found] = rows
  if (!found) return undefined
  const { seq, hash, text, size, note } = found
  if (seq === null || size === null) return 'waiting'
  const path = inclusionPath(seq - 1, size, await readNodes(db, spansOfPath(seq - 1, size)))
  const publicKey = verifierKey(decodeUnverified(note)?.origin ?? '', signer.publicKey)
  return { event: text, seq, hash, treeSize: size, path, checkpoint: note, publicKey }
}
