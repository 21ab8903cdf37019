/**
 * The key that evidence is signed by: Ed25519, and of no other use. It is none of the keys that an incident can be about, so
 * what it signed stands whatever is compromised.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto'
import { BreakGlassError } from '../error.ts'

/** A key that evidence can be sealed by. It shows its public half alone. */
export interface EvidenceKey {
  /** SHA-256 of the public key, 64 hexadecimal digits. */
  fingerprint: string
  /** The raw public key, base64url. */
  publicKey: string
  sign(bytes: Uint8Array): Buffer
}

const spkiHeader = Buffer.from('302a300506032b6570032100', 'hex')

/** Makes a new key, as PKCS #8 in PEM. */
export function makeEvidenceKey(): { pem: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** @throws BreakGlassError `EVIDENCE_INVALID` when the text is no Ed25519 private key */
export function readEvidenceKey(pem: string): EvidenceKey {
  const key = privateKeyOf(pem)
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(spkiHeader.length)
  return {
    fingerprint: fingerprintOf(raw),
    publicKey: raw.toString('base64url'),
    sign: (bytes) => sign(null, bytes, key),
  }
}

function privateKeyOf(pem: string): KeyObject {
  // What a parser says of a text that it cannot read may repeat a part of it.
  const unread = new BreakGlassError('EVIDENCE_INVALID', 'the evidence key is no Ed25519 private key in PEM (PKCS #8)')
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw unread
  }
  if (key.asymmetricKeyType !== 'ed25519') throw unread
  return key
}

export const fingerprintOf = (raw: Uint8Array): string => hash('sha256', raw)

/** The raw public key within a base64url text, if it is one and spelled in the one way it can be. */
export function readPublicKey(text: string): Buffer | undefined {
  const raw = Buffer.from(text, 'base64url')
  return raw.length === 32 && raw.toString('base64url') === text ? raw : undefined
}

export function isSigned(bytes: Uint8Array, signature: Uint8Array, raw: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([spkiHeader, raw]), format: 'der', type: 'spki' })
  return verify(null, bytes, key, signature)
}
