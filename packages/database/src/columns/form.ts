/**
 * What a stored value looks like. There are three forms:
 *
 *     c1.<version>.<iv>.<ciphertext and tag>    ours (AES-256-GCM); it names the version that made it
 *     <iv>:<ciphertext>                         `cbc`, of an estate that was taken over (AES-256-CBC, base64)
 *     anything else                             `plain`, from before there was any encryption
 *
 * What begins like ours is never taken for a text, however it goes on: it may be a value of ours that was cut off, and
 * encrypting it once more would bury it. `column_version` in the database says the same of every text.
 */

/** Forms that are older than our own. */
export type LegacyForm = 'plain' | 'cbc'

/** How a value of ours begins. */
export const columnFormat = 'c1'

const ours = /^c1\.([a-z][a-z0-9-]{0,79})\./
const cbc = /^[A-Za-z0-9+/]{22}==:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/
const ivChars = 25
const blockBytes = 16

/** The version that made a value, or its form where that names none. `damaged`: it begins like ours and names none. */
export function columnVersionOf(stored: string): string {
  if (stored.startsWith(`${columnFormat}.`)) return ours.exec(stored)?.[1] ?? 'damaged'
  return isCbc(stored) ? 'cbc' : 'plain'
}

function isCbc(stored: string): boolean {
  if (!cbc.test(stored)) return false
  const padding = stored.endsWith('==') ? 2 : stored.endsWith('=') ? 1 : 0
  return (((stored.length - ivChars) / 4) * 3 - padding) % blockBytes === 0
}
