/**
 * A ZIP archive whose files are stored, not compressed, in a form that leaves nothing open: for the same files there is one
 * sequence of bytes. So whatever was added, doubled, moved or flipped is seen by writing the archive anew, two programs
 * cannot read different things out of it, and nothing in it can grow when it is unpacked.
 */
import { crc32 } from 'node:zlib'
import { BreakGlassError } from '../error.ts'

/** A file of an archive; its name is ASCII. */
export interface ArchivedFile {
  name: string
  bytes: Uint8Array
}

/** What an archive may have at most, in bytes and files. */
const mostBytes = 512 * 1024 * 1024
const mostFiles = 16

const [localMark, centralMark, endMark] = [0x04034b50, 0x02014b50, 0x06054b50]
const [localSize, centralSize, endSize] = [30, 46, 22]
const versionNeeded = 20
/** 1 January 1980 in the format's own way: when it was made stands in the manifest, where it is signed. */
const day = 0x21

/** @throws BreakGlassError `EVIDENCE_INVALID` when it would be too large */
export function pack(files: readonly ArchivedFile[]): Buffer {
  const size = packedSize(files)
  if (size > mostBytes) {
    throw new BreakGlassError('EVIDENCE_INVALID', `the evidence has ${size} bytes, which is more than ${mostBytes}`)
  }
  const parts: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const file of files) {
    const { name, bytes } = file
    const common = describe(file)
    parts.push(localHeader(common), Buffer.from(name), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    central.push(centralHeader(common, at), Buffer.from(name))
    at += localSize + name.length + bytes.length
  }
  return Buffer.concat([...parts, ...central, endHeader(files.length, at, size - endSize - at)], size)
}

/**
 * The files of an archive in their order.
 *
 * @throws BreakGlassError `EVIDENCE_INVALID` when it is not, byte for byte, what `pack` makes of them
 */
export function unpack(archive: Uint8Array): ArchivedFile[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.length)
  const files = bytes.length > mostBytes ? undefined : readFiles(bytes)
  // Sizes first: entries that overlap would add up to more than memory holds.
  if (!files || packedSize(files) !== bytes.length || !pack(files).equals(bytes)) {
    throw new BreakGlassError('EVIDENCE_INVALID', 'the file is no archive of evidence, or its bytes were changed')
  }
  return files
}

/** By the central directory, as most programs read; whatever says otherwise is found by the comparison. */
function readFiles(bytes: Buffer): ArchivedFile[] | undefined {
  const tail = bytes.length - endSize
  if (tail < 0 || bytes.readUInt32LE(tail) !== endMark) return undefined
  const count = bytes.readUInt16LE(tail + 10)
  if (count > mostFiles) return undefined
  const files: ArchivedFile[] = []
  for (let at = bytes.readUInt32LE(tail + 16); files.length < count; ) {
    if (at + centralSize > tail) return undefined
    const nameSize = bytes.readUInt16LE(at + 28)
    const name = bytes.toString('latin1', at + centralSize, at + centralSize + nameSize)
    const start = bytes.readUInt32LE(at + 42) + localSize + nameSize
    files.push({ name, bytes: bytes.subarray(start, start + bytes.readUInt32LE(at + 24)) })
    at += centralSize + nameSize
  }
  return files
}

function packedSize(files: readonly ArchivedFile[]): number {
  const headers = localSize + centralSize
  return files.reduce((sum, { name, bytes }) => sum + headers + 2 * name.length + bytes.length, endSize)
}

/** What both headers of a file have in common, from the version on. */
function describe({ name, bytes }: ArchivedFile): Buffer {
  const header = Buffer.alloc(26)
  header.writeUInt16LE(versionNeeded, 0)
  header.writeUInt16LE(day, 8)
  header.writeUInt32LE(crc32(bytes), 10)
  header.writeUInt32LE(bytes.length, 14)
  header.writeUInt32LE(bytes.length, 18)
  header.writeUInt16LE(name.length, 22)
  return header
}

function localHeader(common: Buffer): Buffer {
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(localMark)
  return Buffer.concat([mark, common], localSize)
}

function centralHeader(common: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(centralSize)
  header.writeUInt32LE(centralMark)
  header.writeUInt16LE(versionNeeded, 4)
  common.copy(header, 6)
  header.writeUInt32LE(offset, 42)
  return header
}

function endHeader(count: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(endSize)
  header.writeUInt32LE(endMark)
  header.writeUInt16LE(count, 8)
  header.writeUInt16LE(count, 10)
  header.writeUInt32LE(size, 12)
  header.writeUInt32LE(offset, 16)
  return header
}
