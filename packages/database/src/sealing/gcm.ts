/** How everything is sealed that is stored to be read again, under root keys and under keys of columns alike. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { DatabaseError } from '../error.ts'

const ivBytes = 12
const tagBytes = 16

/** What HKDF extracts from each key: the same for all of its records. */
const extracted = new WeakMap<Uint8Array, KeyObject>()

/**
 * The key of one record, derived from a key of many (HKDF-SHA256, RFC 5869). `purpose` keeps uses of one key apart.
 *
 * Both halves of HKDF by hand, so that the first one is done once for a key: a third of the time that hkdfSync takes, which
 * matters where a million values are opened and sealed. 32 bytes are one block, the first and last one. As a KeyObject: on
 * Node 24 a cipher that is given bytes takes three times as long.
 */
export function keyOfRecord(key: Uint8Array, purpose: string, record: string): KeyObject {
  return createSecretKey(createHmac('sha256', extractedFrom(key)).update(`${purpose} ${record}\x01`).digest())
}

function extractedFrom(key: Uint8Array): KeyObject {
  const known = extracted.get(key)
  if (known) return known
  const secret = createSecretKey(createHmac('sha256', Buffer.alloc(32)).update(key).digest())
  extracted.set(key, secret)
  return secret
}

/**
 * AES-256-GCM. Header and record are authenticated, so a value that was moved to another place, or given another header,
 * does not open.
 *
 * @param header says by which key; two parts with a dot between them
 * @param record where the value is stored
 * @returns `<header>.<iv>.<ciphertext and tag>`, the binary parts in base64url
 */
export function sealGcm(key: KeyObject, header: string, record: string, secret: Uint8Array): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(`${header} ${record}`))
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  return `${header}.${iv.toString('base64url')}.${sealed.toString('base64url')}`
}

/** What was sealed, in its parts. */
export interface SealedParts {
  format: string
  /** Of the key. */
  id: string
  iv: string
  body: string
}

/** @throws DatabaseError `SEAL_DAMAGED` */
export function partsOf(sealed: string, expected: string, record: string): SealedParts {
  const [format, id, iv, body, ...rest] = sealed.split('.')
  if (format !== expected || !id || !iv || !body || rest.length > 0) throw damaged(record)
  return { format, id, iv, body }
}

/** @throws DatabaseError `SEAL_DAMAGED` */
export function openGcm(key: KeyObject, { format, id, iv, body }: SealedParts, record: string): Buffer {
  const bytes = strictly(body, record)
  try {
    // Without its length a tag of 4 bytes would be taken as well.
    const decipher = createDecipheriv('aes-256-gcm', key, strictly(iv, record), { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(`${format}.${id} ${record}`)).setAuthTag(bytes.subarray(-tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()])
  } catch (cause) {
    throw damaged(record, cause)
  }
}

/** Base64url in its one form: Node also reads what has stray characters or other unused bits at its end. */
function strictly(text: string, record: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw damaged(record)
  return bytes
}

function damaged(record: string, cause?: unknown): DatabaseError {
  return new DatabaseError('SEAL_DAMAGED', `what is stored for ${record} does not open: it was damaged or moved`, {
    cause,
  })
}
