import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { DatabaseError } from '../error.ts'
import type { RootKey } from './root-key.ts'

/** Seals what must be stored and read again: private keys, and secrets that must sign. */
export interface Sealer {
  /**
   * @param record where the value is stored, for example `keyrings/signing-es256/KID`: it cannot be opened anywhere else
   * @returns `s1.<root>.<iv>.<ciphertext and tag>`, the binary parts in base64url
   */
  seal(record: string, secret: Uint8Array): string
  /** @throws DatabaseError `ROOT_KEY_MISMATCH`, `SEAL_DAMAGED` */
  open(record: string, sealed: string): Buffer
}

/** Root keys as they are held; which they are, and which of them seals, may change between two calls. */
export interface SealingKeys {
  /** The newest first. */
  readonly all: readonly RootKey[]
  /** Under which is sealed. */
  readonly sealing: RootKey
}

/** The id of the root key that something was sealed under; nothing when it is not sealed. */
export function rootIdOf(sealed: string): string | undefined {
  const [version, id] = sealed.split('.')
  return version === format && id ? id : undefined
}

/** The same in SQL, of a column that holds nothing but what is sealed, or NULL. */
export function rootIdIn(column: string): RawBuilder<string | null> {
  return sql`split_part(${sql.ref(column)}, '.', 2)`
}

const format = 's1'
const ivBytes = 12
const tagBytes = 16

/**
 * AES-256-GCM under a key of its own for each record, derived from the root key (HKDF-SHA256, RFC 5869). Header and record
 * are authenticated, so a value that was moved to another row, or given another header, does not open. What is sealed names
 * its root key: of several that are held, that one opens it.
 */
export function sealerFor(roots: RootKey | SealingKeys): Sealer {
  const held: SealingKeys = 'key' in roots ? { all: [roots], sealing: roots } : roots
  return {
    seal(record, secret) {
      const root = held.sealing
      const header = `${format}.${root.id}`
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', keyOf(root, record), iv).setAAD(Buffer.from(`${header} ${record}`))
      const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
      return `${header}.${iv.toString('base64url')}.${sealed.toString('base64url')}`
    },
    open(record, sealed) {
      const [version, rootId, iv, body, ...rest] = sealed.split('.')
      if (version !== format || !rootId || !iv || !body || rest.length > 0) throw damaged(record)
      const root = held.all.find(({ id }) => id === rootId)
      if (!root) {
        const given = held.all.map(({ id }) => id).join(', ')
        throw new DatabaseError(
          'ROOT_KEY_MISMATCH',
          `${record} is sealed under root key ${rootId}; given is ${given}: give the root key of this database`,
        )
      }
      const bytes = strictly(body, record)
      try {
        // Without its length a tag of 4 bytes would be taken as well.
        const decipher = createDecipheriv('aes-256-gcm', keyOf(root, record), strictly(iv, record), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(Buffer.from(`${version}.${rootId} ${record}`)).setAuthTag(bytes.subarray(-tagBytes))
        return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()])
      } catch (cause) {
        throw damaged(record, cause)
      }
    },
  }
}

function keyOf(root: RootKey, record: string): Buffer {
  return Buffer.from(hkdfSync('sha256', root.key, Buffer.alloc(0), `rekey seal ${record}`, 32))
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
