import type { FileHandle } from 'node:fs/promises'

const PIECE_BYTES = 1_048_576
const NEWLINE = 10

/** What a file was found to hold: whole lines up to `bytes`, and behind them what has no end. */
export interface Replayed {
  readonly lines: number
  readonly bytes: number
  readonly rest: string
}

/** Reads line by line, a piece at a time: a million lines at once would be hundreds of megabytes. */
export async function replay(file: FileHandle, take: (line: string, number: number) => void): Promise<Replayed> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  let rest: Buffer = Buffer.alloc(0)
  let [lines, bytes] = [0, 0]
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, bytes + rest.length)
    if (bytesRead === 0) return { lines, bytes, rest: rest.toString() }
    const read = Buffer.concat([rest, piece.subarray(0, bytesRead)])
    const end = read.lastIndexOf(NEWLINE) + 1
    for (const line of end === 0 ? [] : read.toString('utf8', 0, end - 1).split('\n')) take(line, ++lines)
    bytes += end
    rest = read.subarray(end)
  }
}
