import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncToDisk } from '../disk.ts'
import { checkpointLine, linesOfFile, readCheckpointLine } from './checkpoints.ts'
import { type CheckpointKeys, openByKeys } from './keys.ts'
import { inTurns, signaturesAtOnce } from './turns.ts'

/** More lines than this, and old ones are thinned out. */
const mostLines = 4096
/** The newest that are always kept, and about as many as are kept of all others. */
const keptLines = 1024

/** Checkpoints in a file outside the database: what was signed once cannot be denied by whoever changes the database. */
export class CheckpointFile {
  readonly #path: string
  #lines = 0

  constructor(path: string) {
    this.#path = path
  }

  /** All of it; nothing when there is no file yet. */
  async read(): Promise<string> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    this.#lines = linesOfFile(text).length
    return text
  }

  /**
   * @param keys the first signed the note
   * @returns when the line is on the disk
   */
  async append(note: string, keys: CheckpointKeys): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    // A line break at both ends: what a crash cut short before does not spoil the line that follows.
    await writeDurably(this.#path, 'a', `\n${checkpointLine(note, keys.publicKey)}`)
    await syncToDisk(dirname(this.#path))
    this.#lines += 1
    if (this.#lines > mostLines) await this.#thin(keys)
  }

  async #thin(keys: CheckpointKeys): Promise<void> {
    const lines = await thinned(linesOfFile(await this.read()), keys)
    const draft = `${this.#path}.draft`
    await writeDurably(draft, 'w', lines.map((line) => `${line}\n`).join(''))
    await rename(draft, this.#path)
    await syncToDisk(dirname(this.#path))
    this.#lines = lines.length
  }
}

/**
 * The newest ones as they are; of those before, the first in each of so many equal stretches of the chain. A line that
 * says nothing under our keys stays: verification is to find it.
 */
export async function thinned(lines: readonly string[], keys: CheckpointKeys): Promise<string[]> {
  const old = lines.slice(0, -keptLines)
  const sizes: (number | undefined)[] = []
  for await (const some of inTurns(old, signaturesAtOnce)) {
    sizes.push(...some.map((line) => openByKeys(readCheckpointLine(line)?.checkpoint ?? '', keys)?.size))
  }
  const stretch = Math.max(1, ...sizes.map((size) => size ?? 0)) / keptLines
  const seen = new Set<number>()
  const kept = old.filter((_, i) => {
    const size = sizes[i]
    if (size === undefined) return true
    const part = Math.floor(size / stretch)
    const isFirst = !seen.has(part)
    seen.add(part)
    return isFirst
  })
  return [...kept, ...lines.slice(-keptLines)]
}

async function writeDurably(path: string, flag: 'a' | 'w', text: string): Promise<void> {
  const file = await open(path, flag, 0o600)
  await file
    .writeFile(text)
    .then(() => file.sync())
    .finally(() => file.close())
}
