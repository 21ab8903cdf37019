import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { VerifyError } from '../error.ts'
import { replaceFile, syncFolder } from '../files/replace.ts'
import { type Denial, entryOf } from './denial.ts'
import type { DenyEntry } from './entry.ts'
import { readEntry } from './parse.ts'
import { replay } from './replay.ts'
import type { DenyTable } from './table.ts'

/** What a line does. */
export type DenyAct = 'deny' | 'allow'

const HEADER = '{"rekey":"deny-list","version":1}\n'
/** A log is written anew when it has this many times the lines that are needed, and a good many more. */
const MOSTLY_DEAD = 2
const NOT_WORTH_IT = 1_000
const LINES_AT_A_TIME = 1_000

const failed = (detail: string, cause?: unknown): VerifyError => new VerifyError('deny_file_failed', { detail, cause })

function explained(cause: unknown, detail: string): VerifyError {
  return cause instanceof VerifyError ? cause : failed(detail, cause)
}

const lineOf = (act: DenyAct, denial: Denial): string => `${JSON.stringify({ [act]: entryOf(denial) })}\n`

/**
 * What the operator denied and allowed, line by line, and on disk before anybody is told so. What is asked for while a
 * write is under way goes to disk together with the next one. When most lines have been overtaken by others, those that
 * count are written anew from memory, and the file is replaced.
 */
export class DenyLog {
  readonly #path: string
  readonly #table: DenyTable
  readonly #denial: (act: DenyAct, entry: DenyEntry) => Denial
  #onProblem: (error: VerifyError) => void = () => {}
  #file: FileHandle | undefined
  #inode = 0
  #bytes = 0
  #lines = 0
  #rewriteAbove = NOT_WORTH_IT
  #waiting: string[] = []
  /** The write that takes what is waiting, and the last thing that was arranged; one at a time. */
  #next: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string, table: DenyTable, denial: (act: DenyAct, entry: DenyEntry) => Denial) {
    this.#path = path
    this.#table = table
    this.#denial = denial
  }

  /** Reads what there is into the table. @throws {VerifyError} `deny_file_failed`, also for a file that is something else. */
  async open(onProblem: (error: VerifyError) => void): Promise<void> {
    this.#onProblem = onProblem
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      const file = await open(this.#path, 'a+', 0o600)
      await this.#load(file).catch((error) => file.close().then(() => Promise.reject(error)))
      await this.#use(file)
    } catch (cause) {
      throw explained(cause, 'the state file cannot be read')
    }
  }

  /** Resolves when it is on disk. @throws {VerifyError} `deny_file_failed` */
  append(act: DenyAct, denials: readonly Denial[]): Promise<void> {
    for (const denial of denials) this.#waiting.push(lineOf(act, denial))
    this.#next ??= this.#inTurn(() => this.#write())
    return this.#next
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#file?.close()
      this.#file = undefined
    })
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(act)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #load(file: FileHandle): Promise<void> {
    const { lines, bytes, rest } = await replay(file, (line, number) => this.#take(line, number))
    this.#lines = lines
    if (lines === 0) {
      // Not a file of somebody else's: only a beginning of what this one would have begun with.
      if (!HEADER.startsWith(rest)) throw failed('it is not the state file of a deny-list')
      await file.truncate(0)
      await file.appendFile(HEADER)
    } else if (rest !== '') {
      // A crash cut the last line, and nobody was told that it was written.
      await file.truncate(bytes)
    }
    await file.sync()
    await syncFolder(this.#path)
  }

  #take(line: string, number: number): void {
    if (`${line}\n` === HEADER) return
    if (number === 1) throw failed('it is not the state file of a deny-list')
    const { deny, allow } = parse(line, number)
    const act = deny === undefined ? 'allow' : 'deny'
    const denial = this.#denial(act, readEntry(deny ?? allow, `line ${number}`, 'deny_file_failed'))
    if (act === 'deny') this.#table.put(denial)
    else this.#table.take(denial)
  }

  async #use(file: FileHandle): Promise<void> {
    const { ino, size } = await file.stat()
    this.#file = file
    this.#inode = ino
    this.#bytes = size
  }

  async #write(): Promise<void> {
    const lines = this.#waiting
    this.#waiting = []
    this.#next = undefined
    const text = lines.join('')
    try {
      const file = await this.#ours()
      await this.#appendWhole(file, text)
      this.#bytes += Buffer.byteLength(text)
      this.#lines += lines.length
    } catch (cause) {
      throw explained(cause, 'the state file cannot be written')
    }
    if (this.#lines > Math.max(this.#rewriteAbove, this.#table.size * MOSTLY_DEAD))
      void this.#inTurn(() => this.#rewrite())
  }

  /** The file, if what stands at its path is what this process wrote: two that write would undo each other's work. */
  async #ours(): Promise<FileHandle> {
    if (this.#file === undefined) throw failed('the state file is not open')
    const { ino, size } = await stat(this.#path)
    if (ino === this.#inode && size === this.#bytes) return this.#file
    throw failed('somebody else has written to the state file')
  }

  /** On a full disk half a line may have been written: it is cut off, or the next line would be spoilt by it. */
  async #appendWhole(file: FileHandle, text: string): Promise<void> {
    try {
      await file.appendFile(text)
      await file.datasync()
    } catch (error) {
      await file.truncate(this.#bytes)
      throw error
    }
  }

  async #rewrite(): Promise<void> {
    try {
      const old = await this.#ours()
      await this.#use(await replaceFile(this.#path, this.#pieces()))
      await old.close()
      this.#lines = this.#table.size + 1
      this.#rewriteAbove = NOT_WORTH_IT
    } catch (cause) {
      // What was asked for is on disk all the same. It would fail again at once: not before there is twice as much.
      this.#rewriteAbove = this.#lines * 2
      this.#onProblem(explained(cause, 'the state file cannot be written anew'))
    }
  }

  /** What changes while this is written stands, as a line of its own, behind it. */
  *#pieces(): Generator<string> {
    let piece = HEADER
    let lines = 0
    for (const denial of this.#table.denials()) {
      piece += lineOf('deny', denial)
      if (++lines % LINES_AT_A_TIME > 0) continue
      yield piece
      piece = ''
    }
    yield piece
  }
}

function parse(line: string, number: number): { deny?: unknown; allow?: unknown } {
  try {
    return (JSON.parse(line) as object | null) ?? {}
  } catch (cause) {
    throw failed(`line ${number} of the state file is broken`, cause)
  }
}
