import { readFile, stat } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { VerifyError } from '../error.ts'
import { Watch } from '../files/watch.ts'
import type { DenyEntry } from './entry.ts'
import { readEntries } from './parse.ts'

const failed = (detail: string, cause?: unknown): VerifyError => new VerifyError('deny_file_failed', { detail, cause })

function parse(text: string): DenyEntry[] {
  let value: { entries?: unknown } | null
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    // The parser's message quotes what stands in the file.
    throw failed('the file is not JSON', cause)
  }
  return readEntries(value?.entries, 'entries', 'deny_file_failed')
}

/**
 * The operator's file. It is looked at every second and read when anything about it changed (its inode too: Kubernetes swaps
 * a symbolic link above it), always as a whole.
 */
export class DenyFile {
  readonly #path: string
  readonly #clock: Clock
  readonly #apply: (entries: readonly DenyEntry[]) => void
  #watch: Watch<void> | undefined
  /** What the file was like when it was read last, and what was wrong with it. */
  #seen: string | undefined
  #wrong: VerifyError | undefined

  constructor(path: string, clock: Clock, apply: (entries: readonly DenyEntry[]) => void) {
    this.#path = path
    this.#clock = clock
    this.#apply = apply
  }

  /** @throws {VerifyError} `deny_file_failed` */
  async start(onProblem: (error: VerifyError) => void): Promise<void> {
    await this.#look()
    this.#watch = new Watch({ clock: this.#clock, look: () => this.#look(), onProblem, code: 'deny_file_failed' })
    this.#watch.start()
  }

  async close(): Promise<void> {
    await this.#watch?.close()
  }

  async #look(): Promise<void> {
    const { seen, text } = await this.#readIfChanged()
    if (text === undefined) {
      // Reading a large file again every second, only to find it as broken as before, would help nobody.
      if (this.#wrong !== undefined) throw this.#wrong
      return
    }
    this.#seen = seen
    this.#wrong = undefined
    try {
      this.#apply(parse(text))
    } catch (error) {
      if (error instanceof VerifyError) this.#wrong = error
      throw error
    }
  }

  /** Looked at before it is read: what is written meanwhile is found to be a change the next time. */
  async #readIfChanged(): Promise<{ seen: string; text: string | undefined }> {
    try {
      const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true })
      const seen = `${ino} ${size} ${mtimeNs} ${ctimeNs}`
      return { seen, text: seen === this.#seen ? undefined : await readFile(this.#path, 'utf8') }
    } catch (cause) {
      // The same file may come back.
      this.#seen = undefined
      throw failed('the file cannot be read', cause)
    }
  }
}
