import { createPrivateKey, createPublicKey, hkdfSync, sign } from 'node:crypto'
import type { RootKey } from '../sealing/root-key.ts'
import { type Checkpoint, fingerprintOf, noteOf } from './note.ts'

/** Signs checkpoints of the audit. */
export interface AuditSigner {
  /** The Ed25519 key, 32 bytes. */
  publicKey: Buffer
  /** SHA-256 of the public key in hexadecimal digits: write it down where the database's owner cannot change it. */
  fingerprint: string
  /** @returns a C2SP signed note */
  note(checkpoint: Omit<Checkpoint, 'origin'>): string
}

const pkcs8Header = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiHeaderBytes = 12

/**
 * The key is derived from the root key (HKDF-SHA256, RFC 5869): it is never stored, least of all in the database that it
 * vouches for.
 *
 * @param origin what the audit is called in its checkpoints: no spaces and no plus signs, for example `idp.example.com/audit`
 */
export function auditSigner(root: RootKey, origin: string): AuditSigner {
  if (!/^[^\s+]+$/.test(origin)) throw new TypeError('the origin of an audit has no spaces and no plus signs')
  const seed = Buffer.from(hkdfSync('sha256', root.key, Buffer.alloc(0), 'rekey audit checkpoints', 32))
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Header, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spkiHeaderBytes)
  return {
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    note: (checkpoint) => noteOf({ ...checkpoint, origin }, publicKey, (body) => sign(null, body, key)),
  }
}
