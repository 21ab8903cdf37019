const lineFeed = 0x0a
/** An event is far smaller; who sends no line breaks must not fill the memory. */
const longest = 4 * 2 ** 20

/**
 * Cuts a stream into lines, each with a zero byte in front: what a leaf of the Merkle tree is hashed with. It takes the
 * place of the line break before, so that nothing is copied. A line is good until the next one is asked for.
 */
export async function* prefixedLines(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.of(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, typeof chunk === 'string' ? Buffer.from(chunk) : chunk])
    const lines: Buffer[] = []
    let start = 0
    for (let end = bytes.indexOf(lineFeed, 1); end !== -1; end = bytes.indexOf(lineFeed, end + 1)) {
      lines.push(bytes.subarray(start, end))
      bytes[end] = 0
      start = end
    }
    yield lines
    rest = bytes.subarray(start)
    if (rest.length > longest) break
  }
  if (rest.length > 1) yield [rest]
}
