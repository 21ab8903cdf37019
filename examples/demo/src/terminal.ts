import type { Clock } from './clock.ts'

const terminalEveryMs = 1_000
const pipeEveryMs = 10_000
const width = 100

/** Shows what happens: lines that stay, and one about this moment, rewritten each second, on a pipe now and then. */
export class Terminal {
  readonly #output: NodeJS.WriteStream
  readonly #clock: Clock
  readonly #startedAt: number
  #timer: NodeJS.Timeout | undefined
  #live = false

  constructor(output: NodeJS.WriteStream, clock: Clock) {
    this.#output = output
    this.#clock = clock
    this.#startedAt = clock.monotonicMs()
  }

  /** @param status asked for the line about this moment */
  begin(status: () => string): void {
    const everyMs = this.#output.isTTY ? terminalEveryMs : pipeEveryMs
    this.#timer = setInterval(() => this.#show(status()), everyMs)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  /** A line that stays, with the time since the start. */
  say(text: string): void {
    this.#clear()
    this.#output.write(`${this.#stamp()}  ${text}\n`)
  }

  /** Lines that stay, as they are. */
  print(lines: readonly string[]): void {
    this.#clear()
    this.#output.write(`${lines.join('\n')}\n`)
  }

  #show(status: string): void {
    const line = `${this.#stamp()}  ${status}`
    if (!this.#output.isTTY) {
      this.#output.write(`${line}\n`)
      return
    }
    this.#clear()
    // A line that wraps could not be rewritten.
    this.#output.write(line.slice(0, (this.#output.columns || width) - 1))
    this.#live = true
  }

  #clear(): void {
    if (this.#live) this.#output.write('\r\x1b[2K')
    this.#live = false
  }

  #stamp(): string {
    const seconds = Math.floor((this.#clock.monotonicMs() - this.#startedAt) / 1_000)
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`.padStart(5)
  }
}
