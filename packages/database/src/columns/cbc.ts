import { createDecipheriv } from 'node:crypto'
import { DatabaseError } from '../error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Opens a value of the form `base64(IV):base64(ciphertext)`, AES-256-CBC with PKCS#7 padding, whose text is UTF-8.
 *
 * CBC has no tag, so a wrong key is not told from the right one: about one in 256 ends with what looks like a padding. So
 * every key is tried, and what opens by several of them, or by none, is refused and left as it is: guessing could replace
 * somebody's data by noise, and the right key could not bring it back.
 *
 * @param where the value lies, for messages
 * @throws DatabaseError `LEGACY_VALUE_AMBIGUOUS`, `LEGACY_VALUE_UNREADABLE`
 */
export function openCbc(keys: readonly Uint8Array[], stored: string, where: string): string {
  const [iv = '', body = ''] = stored.split(':').map((part) => Buffer.from(part, 'base64'))
  const texts = keys.flatMap((key) => textBy(key, iv as Buffer, body as Buffer))
  const [text] = texts
  if (text === undefined) {
    throw new DatabaseError('LEGACY_VALUE_UNREADABLE', `what is stored for ${where} opens by none of the legacy keys`)
  }
  if (texts.length > 1) {
    throw new DatabaseError(
      'LEGACY_VALUE_AMBIGUOUS',
      `what is stored for ${where} could be a text by ${texts.length} of the legacy keys: give the one that made it`,
    )
  }
  return text
}

function textBy(key: Uint8Array, iv: Uint8Array, body: Uint8Array): [string] | [] {
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, iv)
    return [utf8.decode(Buffer.concat([decipher.update(body), decipher.final()]))]
  } catch {
    // Wrong padding, or bytes that are no text: that is how this key says that it is not the one.
    return []
  }
}
