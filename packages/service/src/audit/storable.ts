/** Texts that PostgreSQL takes: it refuses U+0000 and half of a surrogate pair, and all that is written together with them. */
export function storable<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (_name, part) => (typeof part === 'string' ? cleaned(part) : part)))
}

const cleaned = (text: string) => text.toWellFormed().replaceAll('\u0000', '\ufffd')
