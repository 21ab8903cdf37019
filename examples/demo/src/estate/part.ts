import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { DemoError } from '../error.ts'

/** One process of the demo's estate. */
export interface PartOptions {
  name: string
  /** The TypeScript file to run. */
  entry: string
  env: Record<string, string>
  logFile: string
}

// What a Node process may need itself. Nothing else of the shell's environment reaches a part.
const runtime = ['PATH', 'HOME', 'TZ', 'LANG', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS']
const readyWithinMs = 30_000
const graceMs = 1_500
const shownLines = 8

/**
 * A process that tells by a message when it is ready. It ends with its parent, whose end it learns by the channel
 * between them, and is in a group of its own, so that a Ctrl-C is for the parent, who stops everything in order.
 */
export class Part {
  readonly name: string
  readonly #child: ChildProcess
  readonly #logFile: string
  #stopping = false
  /** Rejects when it ends before it was told to. Never resolves. */
  readonly died: Promise<never>
  readonly #ready: Promise<{ url?: string }>

  constructor({ name, entry, env, logFile }: PartOptions) {
    this.name = name
    this.#logFile = logFile
    const log = openSync(logFile, 'a', 0o600)
    const own = Object.fromEntries(runtime.flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])))
    this.#child = spawn(process.execPath, [entry], {
      env: { ...own, ...env },
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    })
    closeSync(log)
    this.#ready = once(this.#child, 'message').then(([message]) => message as { url?: string })
    this.died = this.#death()
    // Whoever waits for it learns of it; that nobody does, while it stops, is no failure.
    this.died.catch(() => undefined)
  }

  /** Resolves to what it said when it was ready. Throws DemoError `START_FAILED`, `PART_DIED`. */
  async ready(): Promise<{ url?: string }> {
    const tooLong = new AbortController()
    const timer = setTimeout(() => tooLong.abort(), readyWithinMs).unref()
    const late = once(tooLong.signal, 'abort').then(() => {
      throw new DemoError(
        'START_FAILED',
        `${this.name} was not ready within ${readyWithinMs / 1_000} s\n${this.#tail()}`,
      )
    })
    try {
      return await Promise.race([this.#ready, this.died, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it: politely, and then at once. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await gone
    clearTimeout(killer)
  }

  async #death(): Promise<never> {
    // An error event (it could not be spawned) makes `once` reject.
    const [code, signal] = await once(this.#child, 'exit')
    if (this.#stopping) return new Promise(() => undefined)
    throw new DemoError('PART_DIED', `${this.name} ended (${signal ?? code})\n${this.#tail()}`)
  }

  #tail(): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-shownLines).join('\n')
  }
}
