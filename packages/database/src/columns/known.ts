import { columnCipher } from './cipher.ts'
import type { ColumnKey } from './column.ts'

const place = { table: 'keyrings', column: 'known' }
const text = 'rekey column key'

/** A constant, sealed by a key: whoever has this can tell whether he was given that key, and nothing else. */
export function knownValue(sealing: ColumnKey): string {
  return columnCipher({ find: () => undefined, sealing }).seal(place, sealing.id, text)
}

/** Is this the key that made the known value? */
export function opensKnownValue({ id, key }: ColumnKey, known: string): boolean {
  const cipher = columnCipher({ find: (wanted) => (wanted === id ? key : undefined), sealing: undefined })
  try {
    return cipher.open(place, id, known) === text
  } catch {
    // Another key, or another value: either way the answer is no.
    return false
  }
}
