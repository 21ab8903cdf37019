import type { ChildProcess } from 'node:child_process'
import type { BreakGlassError } from '../../error.ts'
import type { Lines } from './lines.ts'

/** Enough for a thousand changes to review; more than that is a command that does not stop writing. */
const largestReplyBytes = 4 * 1024 * 1024
/** How long a command that is told to end may take to put things in order. */
const graceMs = 2_000
/** A process that left the group may hold stdout open for ever: what is still in the pipe arrives at once. */
const drainMs = 250

export interface End {
  reply: string
  tooLong: boolean
  code: number | null
  signal: NodeJS.Signals | null
  /** Why it was stopped, or could not be started. */
  error?: BreakGlassError | NodeJS.ErrnoException
}

/** One process with its group, from its start to its end. `ended` resolves always, once, and never rejects. */
export class Execution {
  readonly #child: ChildProcess
  readonly #lines: Lines
  readonly #ended = Promise.withResolvers<End>()
  readonly ended: Promise<End> = this.#ended.promise
  #reply: Buffer[] = []
  #bytes = 0
  #error: End['error']
  #timer: NodeJS.Timeout | undefined

  constructor(child: ChildProcess, lines: Lines, input: string) {
    this.#child = child
    this.#lines = lines
    child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk))
    child.stderr?.on('data', (chunk: Buffer) => lines.write(chunk))
    // A command that needs nothing of its input may end without having read it.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    child.once('error', (error) => this.#notStarted(error))
    child.once('exit', () => this.#left())
    child.once('close', (code, signal) => this.#settle(code, signal))
  }

  /** Ends the whole group: politely, and after a moment at once. */
  stop(why: BreakGlassError): void {
    if (this.#error) return
    this.#error = why
    this.#signal('SIGTERM')
    this.#timer = setTimeout(() => {
      this.#signal('SIGKILL')
      // What cannot be killed, because it runs as somebody else, is not waited for either.
      this.#child.unref()
      this.#settle(null, 'SIGKILL')
    }, graceMs)
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= largestReplyBytes) this.#reply.push(chunk)
    else this.#signal('SIGKILL')
  }

  #notStarted(error: Error): void {
    if (this.#child.pid !== undefined) return
    this.#error ??= error
    this.#settle(null, null)
  }

  #left(): void {
    clearTimeout(this.#timer)
    this.#signal('SIGKILL')
    this.#timer = setTimeout(() => this.#hangUp(), drainMs)
  }

  #hangUp(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  #settle(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#timer)
    this.#hangUp()
    this.#lines.end()
    this.#ended.resolve({
      reply: Buffer.concat(this.#reply).toString('utf8'),
      tooLong: this.#bytes > largestReplyBytes,
      code,
      signal,
      ...(this.#error && { error: this.#error }),
    })
  }

  /** A group outlives its leader for as long as one process of it is left. */
  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch (cause) {
      // Nobody is left, or (macOS) nobody who is not dead already, or nobody who is ours to end.
      const { code } = cause as NodeJS.ErrnoException
      if (code !== 'ESRCH' && code !== 'EPERM') throw cause
    }
  }
}
