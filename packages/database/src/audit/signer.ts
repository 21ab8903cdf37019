import { createPrivateKey, createPublicKey, hkdfSync, sign } from 'node:crypto'
import type { RootKey } from '../sealing/root-key.ts'
import type { SealingKeys } from '../sealing/seal.ts'
import { type Checkpoint, fingerprintOf, noteOf } from './note.ts'

/** Signs checkpoints of the audit. */
export interface AuditSigner {
  /** What the audit is called in its checkpoints. */
  readonly origin: string
  /** The id of the root key that the key is derived from. */
  readonly rootKey: string
  /** The Ed25519 key, 32 bytes. */
  readonly publicKey: Buffer
  /** SHA-256 of the public key in hexadecimal digits: write it down where the database's owner cannot change it. */
  readonly fingerprint: string
  /** @returns a C2SP signed note */
  note(checkpoint: Omit<Checkpoint, 'origin'>): string
  /** Of several root keys that are held the signer of each, as they are given; this one is that of the one that seals. */
  all?(): readonly AuditSigner[]
}

const pkcs8Header = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiHeaderBytes = 12

/**
 * The signers of all root keys that are held, the newest first. One whose root key was never sealed under is yet to come if
 * it is given in front of those that were, and older than they are otherwise.
 *
 * @param rootKeys those that were sealed under, the newest first
 */
export function signersOf(signer: AuditSigner, rootKeys: readonly string[]): readonly AuditSigner[] {
  const given = signer.all?.() ?? [signer]
  const first = given.findIndex(({ rootKey }) => rootKeys.includes(rootKey))
  const listed = ({ rootKey }: AuditSigner) => rootKeys.indexOf(rootKey)
  const used = given.filter((each) => listed(each) !== -1).toSorted((a, b) => listed(a) - listed(b))
  const others = given.filter((each) => listed(each) === -1)
  const isToCome = (each: AuditSigner) => given.indexOf(each) < first
  return [...others.filter(isToCome), ...used, ...others.filter((each) => !isToCome(each))]
}

/**
 * The key is derived from the root key (HKDF-SHA256, RFC 5869): it is never stored, least of all in the database that it
 * vouches for. Of root keys that may change it is always that of the one that seals: see keys.ts for what that means.
 *
 * @param origin what the audit is called in its checkpoints: no spaces and no plus signs, for example `idp.example.com/audit`
 */
export function auditSigner(roots: RootKey | SealingKeys, origin: string): AuditSigner {
  if (!/^[^\s+]+$/.test(origin)) throw new TypeError('the origin of an audit has no spaces and no plus signs')
  if ('key' in roots) return signerBy(roots, origin)
  const made = new WeakMap<RootKey, AuditSigner>()
  const signerOf = (root: RootKey) => {
    const signer = made.get(root) ?? signerBy(root, origin)
    made.set(root, signer)
    return signer
  }
  return {
    origin,
    get rootKey() {
      return roots.sealing.id
    },
    get publicKey() {
      return signerOf(roots.sealing).publicKey
    },
    get fingerprint() {
      return signerOf(roots.sealing).fingerprint
    },
    note: (checkpoint) => signerOf(roots.sealing).note(checkpoint),
    all: () => roots.all.map(signerOf),
  }
}

function signerBy(root: RootKey, origin: string): AuditSigner {
  const seed = Buffer.from(hkdfSync('sha256', root.key, Buffer.alloc(0), 'rekey audit checkpoints', 32))
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Header, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spkiHeaderBytes)
  return {
    origin,
    rootKey: root.id,
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    note: (checkpoint) => noteOf({ ...checkpoint, origin }, publicKey, (body) => sign(null, body, key)),
  }
}
