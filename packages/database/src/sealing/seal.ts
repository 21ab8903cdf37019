import type { KeyObject } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { DatabaseError } from '../error.ts'
import { keyOfRecord, openGcm, partsOf, sealGcm } from './gcm.ts'
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

/**
 * AES-256-GCM under a key of its own for each record, derived from the root key. What is sealed names its root key: of several
 * that are held, that one opens it.
 */
export function sealerFor(roots: RootKey | SealingKeys): Sealer {
  const held: SealingKeys = 'key' in roots ? { all: [roots], sealing: roots } : roots
  return {
    seal(record, secret) {
      const root = held.sealing
      return sealGcm(keyOf(root, record), `${format}.${root.id}`, record, secret)
    },
    open(record, sealed) {
      const parts = partsOf(sealed, format, record)
      const root = held.all.find(({ id }) => id === parts.id)
      if (!root) {
        const given = held.all.map(({ id }) => id).join(', ')
        throw new DatabaseError(
          'ROOT_KEY_MISMATCH',
          `${record} is sealed under root key ${parts.id}; given is ${given}: give the root key of this database`,
        )
      }
      return openGcm(keyOf(root, record), parts, record)
    },
  }
}

function keyOf(root: RootKey, record: string): KeyObject {
  return keyOfRecord(root.key, 'rekey seal', record)
}
