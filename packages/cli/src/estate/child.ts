import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync } from 'node:fs'
import type { Clock } from '../clock.ts'

/** What it takes to run one part of the estate. */
export interface Part {
  /** As the log file and the console call it. */
  name: string
  /** The TypeScript or JavaScript file to run. */
  entry: string
  env: Record<string, string>
  logFile: string
  /** Its base URL. */
  url: string
}

/** What is told to the person at the terminal and to the lock. */
export interface Witness {
  started(part: Part, pid: number): void
  died(part: Part, how: string, restartInMs: number): void
}

const firstBackoffMs = 250
const longestBackoffMs = 10_000
// A part that ran this long was healthy: the next death starts a new count.
const healthyAfterMs = 30_000

/**
 * A part of the estate as a process that is always there. Once kept, it is started again when it dies, after a pause that
 * doubles from 250 ms to 10 s, for as long as it takes: an estate that gave up would need a person at night.
 *
 * The child leads its own process group, so that a Ctrl-C at the terminal reaches the estate alone and the order of
 * stopping is ours. It holds an IPC channel to us, by whose end it learns that we are gone, even by SIGKILL.
 */
export class Child {
  readonly part: Part
  readonly #witness: Witness
  readonly #monotonic: Clock
  #process: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #backoffMs = firstBackoffMs
  #kept = false
  #stopping = false
  #logStart = 0
  readonly #firstDeath = Promise.withResolvers<string>()
  /** How it died for the first time. Never settles for one that does not. */
  readonly died: Promise<string> = this.#firstDeath.promise

  constructor(part: Part, witness: Witness, monotonic: Clock) {
    this.part = part
    this.#witness = witness
    this.#monotonic = monotonic
  }

  start(): void {
    const startedAt = this.#monotonic()
    const { child, logStart } = spawnPart(this.part)
    this.#process = child
    this.#logStart = logStart
    if (child.pid !== undefined) this.#witness.started(this.part, child.pid)
    let failure: string | undefined
    child.once('error', (error) => {
      failure = error.message
      if (child.pid === undefined) this.#ended(failure, startedAt)
    })
    child.once('exit', (code, signal) => this.#ended(failure ?? ending(code, signal), startedAt))
  }

  /** Where in its log file, in bytes, the latest start begins: what stands before is of earlier ones. */
  get logStart(): number {
    return this.#logStart
  }

  /** From now on it is started again when it dies: it has been ready once, so that its configuration is not to blame. */
  keep(): void {
    this.#kept = true
  }

  /** Ends the process: politely, and after `graceMs` at once. Resolves when it is gone; never rejects. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#process
    if (!child || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await gone
    clearTimeout(killer)
  }

  #ended(how: string, startedAt: number): void {
    this.#firstDeath.resolve(how)
    if (this.#stopping || !this.#kept) return
    if (this.#monotonic() - startedAt > healthyAfterMs) this.#backoffMs = firstBackoffMs
    const pauseMs = this.#backoffMs
    this.#backoffMs = Math.min(pauseMs * 2, longestBackoffMs)
    this.#witness.died(this.part, how, pauseMs)
    this.#timer = setTimeout(() => this.start(), pauseMs)
  }
}

function spawnPart(part: Part): { child: ChildProcess; logStart: number } {
  const log = openSync(part.logFile, 'a', 0o600)
  try {
    const logStart = fstatSync(log).size
    const child = spawn(process.execPath, [part.entry], {
      env: part.env,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    })
    return { child, logStart }
  } finally {
    closeSync(log)
  }
}

function ending(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `killed by ${signal}` : `ended with ${code}`
}
