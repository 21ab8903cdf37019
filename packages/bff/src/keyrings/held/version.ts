import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** Purposes are few and fixed; one that is made up for each request must fill nothing. */
const mostKeys = 64

/** A version whose secret was opened, and what was derived from it. */
export interface OpenedVersion {
  readonly id: string
  /** A key of its own for each use and purpose (HKDF-SHA256, RFC 5869). */
  key(use: 'seal' | 'mac' | 'hash', purpose: string): KeyObject
}

/**
 * @param keyring goes into every key: where one secret was given to two keyrings, nothing of the one is good for the other
 * @param secret its bytes
 */
export function openedVersion(keyring: string, id: string, secret: Uint8Array): OpenedVersion {
  const derived = new Map<string, KeyObject>()
  return {
    id,
    key(use, purpose) {
      const info = `rekey ${keyring} ${use} ${purpose}`
      const known = derived.get(info)
      if (known) return known
      const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, 32)))
      if (derived.size >= mostKeys) derived.clear()
      derived.set(info, key)
      return key
    },
  }
}
