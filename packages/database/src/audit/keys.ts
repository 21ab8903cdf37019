/**
 * By which keys the checkpoints of an audit are good.
 *
 * The key that signs is derived from the root key, and is another one when that is replaced. The first checkpoint of the new
 * key, and each one after it, names the keys of before with the number of events up to which each of them signed:
 *
 *     former 48213 mWm8C0Y0RkHgZ1s3n9mJv8dC3u0b9vEr7k8Qx2z1dVw=
 *
 * So whoever trusts the newest key knows from any of its checkpoints which older ones are good, and for what; nothing of it
 * is asked of the database, and the old root key may be destroyed.
 *
 * A root key is replaced because it may have leaked, so a former key is believed as little as that allows:
 *
 * - A checkpoint of a former key that covers more than it is named for is foreign. Its thief vouches for nothing newer than
 *   the change, and what he puts on top does not become the newest.
 * - For what came before the change he can still sign what he likes. But the newest key's root covers all of that too, as
 *   every instance had it in memory, and outside, when the key was changed: what contradicts it accuses, and proves nothing.
 *   Proofs and exports are made with the newest key alone.
 * - Nobody goes back. Which root key is newer is what table `root_keys` says, and no file that they are read from; an instance
 *   that has seen a checkpoint of a newer key, in the database or in the file outside, takes no former one for the newest
 *   again, though its root key may still be held. And only the newest of that table signs: an instance that lacks it chains
 *   events and leaves the checkpoint to others. It has to be prevented, because it cannot be mended: what an honest instance
 *   signed by a former key after the change looks exactly like what its thief signs, and no verification can let it pass.
 * - A former key hands on nothing unseen. Of the predecessors that its last checkpoint names, which its thief may have
 *   written, the new key takes over those that signed this chain as it stands, and each only up to where that is to be seen.
 *   So nobody becomes a predecessor for what is still to come.
 * - A former key cannot appoint. A checkpoint of the new key is no better for naming the old one, which anybody can do who
 *   makes a key: who knows the old fingerprint only must learn the new one where he learned the old.
 * - Until the change the thief could do all that the key could. What he rewrote before it, in the database and nowhere else,
 *   contradicts what instances remember and what they kept outside; where he could write there too, nothing tells.
 */
import { type Checkpoint, openNote } from './note.ts'
import type { AuditSigner } from './signer.ts'

/** A key that was replaced. */
export interface FormerKey {
  publicKey: Buffer
  /** How many events the last checkpoint covers that it signed before it was replaced. */
  upTo: number
}

/** The key that signs, and those that it names as its predecessors. */
export interface CheckpointKeys {
  publicKey: Buffer
  /** What the audit is called, where that is known. */
  origin?: string
  former?: readonly FormerKey[]
}

/** What a note says, if it is signed by the key, or by a former one for what that was still good for. */
export function openByKeys(note: string, { publicKey, former = [] }: CheckpointKeys): Checkpoint | undefined {
  const checkpoint = openNote(note, publicKey)
  if (checkpoint) return checkpoint
  for (const { publicKey: replaced, upTo } of former) {
    const earlier = openNote(note, replaced)
    if (earlier) return earlier.size <= upTo ? earlier : undefined
  }
  return undefined
}

/** Whoever may have signed: keys, the newest first, or those that are held, which the database puts in order. */
export type Signatories = readonly CheckpointKeys[] | AuditSigner
