/** A process of the estate that can be killed, stopped and woken by its number, as an operator or a machine does it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { until } from './until.ts'

const keptCharacters = 20_000
const readyWithinMs = 60_000

/** Members that are undefined are as good as not there. */
export type Environment = Readonly<Record<string, string | undefined>>

export class Process {
  readonly name: string
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  readonly #ready = Promise.withResolvers<void>()
  #output = ''

  /** Starts it. It has an IPC channel to us, so it ends when we do, however that comes. */
  constructor(name: string, entry: string, env: Environment) {
    this.name = name
    this.#child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-keptCharacters)
      })
    }
    this.#child.on('message', (message) => {
      if ((message as { type?: unknown }).type === 'ready') this.#ready.resolve()
    })
    this.ended = once(this.#child, 'exit').then(([code, signal]) => `${signal ?? code}`)
    this.ended.then((how) => this.#ready.reject(new Error(`${name} ended by ${how}:\n${this.output}`)))
    // Whoever waits for it hears of it; where nobody does, being killed is what it is here for.
    this.#ready.promise.catch(() => undefined)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** The last that it wrote. */
  get output(): string {
    return this.#output
  }

  /** Resolves when it says that it can serve. */
  async ready(): Promise<void> {
    const patience = new AbortController()
    const tooLate = setTimeout(() => patience.abort(), readyWithinMs)
    const gaveUp = once(patience.signal, 'abort').then(() => {
      throw new Error(`${this.name} was not ready within ${readyWithinMs} ms:\n${this.output}`)
    })
    await Promise.race([this.#ready.promise, gaveUp]).finally(() => clearTimeout(tooLate))
  }

  /** SIGKILL: it has no chance to do anything more. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.ended
  }

  /** SIGSTOP: its sockets stay open, and take what fits into their buffers. */
  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await until(`${this.name} stands still`, async () => {
      const stat = await readFile(`/proc/${this.pid}/stat`, 'utf8')
      return /^\d+ \(.*\) T/.test(stat)
    })
  }

  wake(): void {
    this.#child.kill('SIGCONT')
  }
}
