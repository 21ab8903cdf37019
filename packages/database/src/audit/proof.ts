/** A proof that an event stands in the audit. It is checked without a database. */

import { readTail } from './canonical.ts'
import { vouchOf } from './checkpoints.ts'
import { leafHash } from './merkle/hash.ts'
import { rootOfPath } from './merkle/inclusion.ts'
import { fingerprintOf, readVerifierKey } from './note.ts'

export interface EventProof {
  /** The canonical text of the event, whose bytes are what was hashed. */
  event: string
  seq: number
  /** The leaf hash of the text, in hexadecimal digits. */
  hash: string
  /** How many events the checkpoint covers. */
  treeSize: number
  /** The inclusion proof of RFC 9162, section 2.1.3, from the leaf upwards, in hexadecimal digits. */
  path: string[]
  /** The checkpoint, a C2SP signed note. */
  checkpoint: string
  /** By which it is signed, as tools for signed notes take it. */
  publicKey: string
}

/**
 * Whether a proof holds: the text has the hash, the path leads from it to the root, and the root is signed.
 *
 * A proof by a key that was replaced since goes on holding for that key. If it was replaced because it leaked, such a proof
 * is worth no more than what shows that it is older than the leak: ask for a new one, which is made by the newest key.
 *
 * @param signer the fingerprint of the key that must have signed it. Without it look at `signer` of the answer yourself
 */
export function verifyProof(
  proof: EventProof,
  signer?: string,
): { verified: boolean; signer: string; problem?: string } {
  const publicKey = readVerifierKey(proof.publicKey)
  const found = publicKey ? fingerprintOf(publicKey) : ''
  const problem = publicKey ? problemOf(proof, publicKey, found, signer) : 'the public key cannot be read'
  return { verified: problem === undefined, signer: found, ...(problem === undefined ? {} : { problem }) }
}

// It comes from whoever wants to prove something: what is not as long as a hash would be read as one all the same.
function isWhole({ event, checkpoint, path }: EventProof): boolean {
  const areHashes = Array.isArray(path) && path.every((each) => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each))
  return typeof event === 'string' && typeof checkpoint === 'string' && areHashes
}

function problemOf(proof: EventProof, publicKey: Buffer, found: string, wanted = found): string | undefined {
  if (found !== wanted) return 'it is signed by another key'
  if (!isWhole(proof)) return 'it is not a whole proof'
  const said = vouchOf(proof.checkpoint, { publicKey }, 'the checkpoint')
  if (typeof said === 'string' || said.size !== proof.treeSize) return 'the checkpoint is not signed by the key'
  if (leafHash(proof.event) !== proof.hash) return 'the event is not the one that was hashed'
  if (readTail(Buffer.from(proof.event))?.seq !== proof.seq) return 'the event has another place'
  const root = rootOfPath(proof.hash, proof.seq - 1, said.size, proof.path)
  return root === said.root ? undefined : 'the path does not lead to the root'
}
