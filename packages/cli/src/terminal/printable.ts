import { stripVTControlCharacters } from 'node:util'

const hidden = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

/**
 * A text of others as a terminal may show it: names, reasons and exports may hold sequences that move the cursor, or turn the
 * direction of writing around, to show something else than what is there.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(hidden, '')
}
