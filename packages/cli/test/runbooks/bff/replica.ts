/** A process of the backend for frontend, as `rekey bff` starts one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { executable } from '../../up.ts'

/** A line of its log. */
export type Line = Record<string, unknown> & { msg: string }

export class Replica {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly #process: ChildProcess
  #output = ''

  /** @param env the whole environment of the process */
  constructor(env: Record<string, string>) {
    this.env = env
    this.url = `http://localhost:${env.REKEY_PORT}`
    this.#process = spawn(process.execPath, [executable, 'bff'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk) => {
        this.#output += chunk
      })
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** @throws Error when it ended instead */
  async ready(): Promise<this> {
    while (!(await this.#isReady())) {
      if (this.#isOver) throw new Error(`the backend for frontend ended:\n${this.#output}`)
      await delay(50)
    }
    return this
  }

  async #isReady(): Promise<boolean> {
    const reply = await fetch(`${this.url}/readyz`).catch(() => undefined)
    await reply?.body?.cancel()
    return reply?.ok ?? false
  }

  get #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** Of one that ends by itself. */
  async exitCode(): Promise<number | null> {
    if (!this.#isOver) await once(this.#process, 'close')
    return this.#process.exitCode
  }

  async stop(): Promise<void> {
    if (this.#isOver) return
    this.#process.kill('SIGTERM')
    await once(this.#process, 'close')
  }

  get output(): string {
    return this.#output
  }

  get lines(): Line[] {
    const whole = this.#output.slice(0, this.#output.lastIndexOf('\n') + 1)
    return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  }

  /** The value of each sample of a metric, by its labels as they stand there. */
  async metric(name: string): Promise<Record<string, number>> {
    const reply = await fetch(`${this.url}/metrics`)
    const text = await reply.text()
    if (!reply.ok) throw new Error(`/metrics answered ${reply.status}: ${text}`)
    const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))]
    return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]))
  }
}
