import { type Kysely, sql } from 'kysely'
import { usedRootKeys } from '../sealing/used.ts'
import type { DatabaseTables } from '../tables.ts'
import type { CheckpointKeys, Signatories } from './keys.ts'
import { type Checkpoint, fingerprintOf, openNote, signatureStart } from './note.ts'
import { ownTables } from './own-tables.ts'
import { signersOf } from './signer.ts'

export interface NewestCheckpoint extends Checkpoint {
  /** The C2SP signed note. */
  note: string
  /** By which it is signed, and the fingerprint of that. */
  publicKey: Buffer
  signer: string
  /** How many stand above it that are not signed by the key, up to a hundred. */
  above: number
}

const readAtOnce = 16

/**
 * The newest checkpoint: of those that cover no more than there is, and are signed by the key of the audit. What else the
 * service's role put there is for a verification to find; it must not take the place of the newest. Of several keys the
 * newest that signed anything is the key of the audit, whatever older ones signed since.
 *
 * @returns nothing when there is none yet
 */
export async function newestCheckpoint<T extends DatabaseTables>(
  database: Kysely<T>,
  signers: Signatories,
): Promise<NewestCheckpoint | undefined> {
  const db = ownTables(database)
  const newestFirst = await signatoriesOf(db, signers)
  for (const [at, signer] of newestFirst.entries()) {
    const found = await newestBy(db, signer)
    if (!found) continue
    // What stands above it may be the first of a newer key, which was not there yet when that one was asked for.
    const first = found.above > 0 && at > 0 ? await newestCheckpoint(db, newestFirst.slice(0, at)) : undefined
    return first ?? found
  }
  return undefined
}

/** Whoever may have signed, the newest first. */
async function signatoriesOf(db: Kysely<DatabaseTables>, signers: Signatories): Promise<readonly CheckpointKeys[]> {
  return 'publicKey' in signers ? signersOf(signers, await usedRootKeys(db)) : signers
}

/**
 * The newest of a signer, of those that cover no more than `most` events.
 *
 * @param fits whether it must be one of the chain as it stands: its last event, and so by the links all before
 */
export async function newestBy(
  db: Kysely<DatabaseTables>,
  signer: CheckpointKeys,
  { most = Number.MAX_SAFE_INTEGER, fits = false } = {},
): Promise<NewestCheckpoint | undefined> {
  const { publicKey } = signer
  for (let upTo = most; ; ) {
    const rows = await readDown(db, upTo, signer, fits)
    for (const { size, head, note, above } of rows) {
      const checkpoint = openNote(note, publicKey)
      if (checkpoint?.size !== size || (fits && checkpoint.head !== head)) continue
      return { ...checkpoint, note, publicKey, signer: fingerprintOf(publicKey), above }
    }
    if (rows.length < readAtOnce) return undefined
    upTo = (rows.at(-1)?.size ?? 0) - 1
  }
}

/** An index leads past what others signed. */
async function readDown(
  db: Kysely<DatabaseTables>,
  upTo: number,
  { origin, publicKey }: CheckpointKeys,
  fits: boolean,
) {
  const ofChain = fits ? sql`AND (size = 0 OR head = (SELECT hash FROM audit_chain WHERE seq = size))` : sql``
  const bySigner = origin === undefined ? sql`` : sql`AND note_signer(note) = ${signatureStart(origin, publicKey)}`
  const { rows } = await sql<{ size: number; head: string; note: string; above: number }>`
    WITH end_of_chain AS (SELECT coalesce(max(seq), 0) AS size FROM audit_chain)
    SELECT size, encode(head, 'hex') AS head, note, (SELECT count(*) FROM (SELECT FROM audit_checkpoints higher
      WHERE higher.size > c.size AND higher.size <= (SELECT size FROM end_of_chain) LIMIT 100) AS upmost) AS above
    FROM audit_checkpoints c
    WHERE size BETWEEN 0 AND least(${upTo}::bigint, (SELECT size FROM end_of_chain)) ${bySigner} ${ofChain}
    ORDER BY size DESC LIMIT ${readAtOnce}`.execute(db)
  return rows
}
