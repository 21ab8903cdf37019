/**
 * JSON as it stands in an archive: two spaces, the members in their order, a line feed at the end. A text that is spelled
 * otherwise is refused: one with a member twice, for example, is another document to each program that reads it.
 */
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}

/** What the bytes say, or nothing when they are not what `jsonBytes` makes of that. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return jsonBytes(value).equals(bytes) ? value : undefined
  } catch (cause) {
    // Of the decoder, of the parser, and of what is nested too deeply to be written again.
    if (cause instanceof TypeError || cause instanceof SyntaxError || cause instanceof RangeError) return undefined
    throw cause
  }
}
