import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { untilReady } from './ready.ts'

/** Whoever does not end when asked to is killed. */
const STOP_WITHIN_MS = 10_000

/**
 * A process of the estate under test. It holds a channel to this one, by whose end it learns that the benchmark is gone.
 * Its log is written, and not kept; what it says on stderr is seen.
 */
export class Part {
  readonly name: string
  readonly #child: ChildProcess
  readonly #died: Promise<never>
  #stopping = false

  constructor(name: string, script: URL, env: NodeJS.ProcessEnv = {}) {
    this.name = name
    this.#child = spawn(process.execPath, [fileURLToPath(script)], {
      env: { PATH: process.env.PATH, ...env },
      // A Ctrl-C at the terminal is for the benchmark, which ends its parts in their order.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#died = once(this.#child, 'exit').then(([code, signal]) => {
      // Who stops it waits for nothing more from it.
      if (this.#stopping) return new Promise<never>(() => undefined)
      throw new Error(`${name} ended by itself (${signal ?? `exit code ${code}`})`)
    })
    // It is reported by whoever waits for something from this process.
    this.#died.catch(() => undefined)
  }

  /** Resolves when it was passed on. Who is being stopped is not told anything any more. @throws Error when it is gone */
  tell(message: Serializable): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) return resolve()
      // Without a callback a closed channel is an 'error' event of the child, which ends this process.
      this.#child.send(message, (cause) => {
        if (cause === null || this.#stopping) resolve()
        else reject(new Error(`${this.name} cannot be told anything any more`, { cause }))
      })
    })
  }

  /** Tells it something, and hears the next message of that type. */
  async ask<T extends { type: string }>(message: Serializable, type: T['type']): Promise<T> {
    const [answer] = await Promise.all([this.hear<T>(type), this.tell(message)])
    return answer
  }

  /** The next message of that type. */
  async hear<T extends { type: string }>(type: T['type']): Promise<T> {
    return this.orDied(
      new Promise<T>((resolve) => {
        const listen = (message: Serializable) => {
          if ((message as { type?: unknown }).type !== type) return
          this.#child.off('message', listen)
          resolve(message as T)
        }
        this.#child.on('message', listen)
      }),
    )
  }

  /** What was awaited, or a rejection as soon as it cannot come any more because the process ended. */
  orDied<T>(awaited: Promise<T>): Promise<T> {
    return Promise.race([awaited, this.#died])
  }

  /** Resolves when the address answers 200. */
  untilReady(url: string): Promise<void> {
    return this.orDied(untilReady(url, () => this.#stopping))
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#stopping = true
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    const tooLong = setTimeout(() => this.#child.kill('SIGKILL'), STOP_WITHIN_MS)
    await ended.finally(() => clearTimeout(tooLong))
  }
}
