import { randomBytes } from 'node:crypto'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * Makes the key that seals all others at the first start: 32 random bytes as hex, mode 0600. An existing one is never
 * touched, whatever it looks like: what it sealed cannot be opened without it, and the IdP checks it.
 */
export function ensureRootKey(path: string): void {
  if (readIfPresent(path) === undefined) writePrivateFile(path, `${randomBytes(32).toString('hex')}\n`)
}
