import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { DatabaseError } from '../error.ts'

/**
 * A backup is gzip around frames: a letter, four bytes of length, and so many bytes. `J` is a text in JSON, `D` rows of the table
 * that the last text began.
 */
export type Frame = { kind: 'J'; value: unknown } | { kind: 'D'; bytes: Buffer }

const headBytes = 5
/** No frame of ours is near that: a length beyond it is damage, and must not be waited for. */
const mostBytes = 64 * 1024 * 1024

export function textFrame(value: unknown): Buffer {
  return frame('J', Buffer.from(JSON.stringify(value)))
}

export function rowsFrame(bytes: Buffer): Buffer {
  return frame('D', bytes)
}

function frame(kind: Frame['kind'], bytes: Buffer): Buffer {
  const head = Buffer.alloc(headBytes)
  head.write(kind, 0, 'latin1')
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/**
 * The frames of a file, one after the other.
 *
 * @throws DatabaseError `BACKUP_FOREIGN` when it is no gzip, `BACKUP_DAMAGED` when it was cut short or changed
 */
export async function* readFrames(path: string): AsyncGenerator<Frame> {
  const file = createReadStream(path)
  const gunzip = createGunzip()
  file.on('error', (error) => gunzip.destroy(error))
  file.pipe(gunzip)
  let isBegun = false
  let rest: Buffer = Buffer.alloc(0)
  const later: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of gunzip) {
      later.push(chunk)
      bytes += chunk.length
      // Put together once all of it is there: again with each chunk would take the square of the time.
      if (rest.length + bytes < wantedBytes(rest)) continue
      rest = Buffer.concat([rest, ...later.splice(0)])
      bytes = 0
      for (let whole = wholeFrame(rest, path, isBegun); whole; whole = wholeFrame(rest, path, true)) {
        isBegun = true
        rest = rest.subarray(headBytes + whole.length)
        yield parsed(whole, path)
      }
    }
  } catch (error) {
    throw translated(error, path, isBegun)
  } finally {
    file.destroy()
    gunzip.destroy()
  }
  if (rest.length + bytes > 0) throw isBegun ? damaged(path, 'it ends in the middle of something') : foreign(path)
}

/** So many have to be there before more can be said; of a length that is none, all that is there suffices. */
function wantedBytes(rest: Buffer): number {
  if (rest.length < headBytes) return headBytes
  const length = rest.readUInt32BE(1)
  return length > mostBytes ? 0 : headBytes + length
}

interface Whole {
  kind: string
  length: number
  bytes: Buffer
}

function wholeFrame(rest: Buffer, path: string, isBegun: boolean): Whole | undefined {
  if (rest.length < headBytes) return undefined
  const kind = rest.toString('latin1', 0, 1)
  const length = rest.readUInt32BE(1)
  if ((kind !== 'J' && kind !== 'D') || length > mostBytes) {
    throw isBegun ? damaged(path, 'it holds what no backup holds') : foreign(path)
  }
  if (rest.length < headBytes + length) return undefined
  return { kind, length, bytes: rest.subarray(headBytes, headBytes + length) }
}

function parsed({ kind, bytes }: Whole, path: string): Frame {
  if (kind === 'D') return { kind, bytes: Buffer.from(bytes) }
  try {
    return { kind: 'J', value: JSON.parse(bytes.toString()) }
  } catch (cause) {
    throw new DatabaseError('BACKUP_DAMAGED', `The backup ${path} is damaged: a text in it is none.`, { cause })
  }
}

function translated(error: unknown, path: string, isBegun: boolean): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (!/^Z_/.test(code)) return error
  if (code === 'Z_BUF_ERROR') return damaged(path, 'it is cut short')
  return isBegun ? damaged(path, 'its checksum does not fit') : foreign(path)
}

export function foreign(path: string): DatabaseError {
  return new DatabaseError('BACKUP_FOREIGN', `${path} is no backup that "rekey backup" made.`, { facts: { path } })
}

export function damaged(path: string, why: string): DatabaseError {
  return new DatabaseError('BACKUP_DAMAGED', `The backup ${path} is damaged: ${why}. Use another one.`, {
    facts: { path },
  })
}
