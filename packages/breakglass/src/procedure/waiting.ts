import { mostCharacters } from './errors.ts'

const writeEveryMs = 250
const mostNames = 20

/**
 * On whom a step waits: shown at once, and written down for whoever follows from elsewhere, at most four times a second. What
 * changes meanwhile is written in one.
 */
export class Waiting {
  readonly #write: (names: string[]) => Promise<void>
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #ended = new AbortController()
  #names: string[] = []
  #written = '[]'
  #writing: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  constructor(write: (names: string[]) => Promise<void>, pause: (ms: number, signal: AbortSignal) => Promise<void>) {
    this.#write = write
    this.#pause = pause
  }

  /** @returns what is shown: of many the first ones, and how many there are besides */
  show(names: readonly string[]): string[] {
    const more = names.length - mostNames
    const first = names.slice(0, mostNames).map((name) => name.slice(0, mostCharacters))
    this.#names = more > 0 ? [...first, `and ${more} more`] : first
    this.#writing ??= this.#writeAll()
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#writing = undefined
      })
    return this.#names
  }

  /** Begins to write nothing any more. */
  abandon(): void {
    this.#ended.abort()
  }

  /** Resolves when nothing is written any more: what a step ends with must be the last that is written about it. */
  async end(): Promise<void> {
    this.abandon()
    await this.#writing
    if (this.#failure) throw this.#failure.error
  }

  async #writeAll(): Promise<void> {
    while (!this.#ended.signal.aborted && JSON.stringify(this.#names) !== this.#written) {
      const names = this.#names
      await this.#write(names)
      this.#written = JSON.stringify(names)
      await this.#pause(writeEveryMs, this.#ended.signal).catch((error: unknown) => {
        if (!this.#ended.signal.aborted) throw error
      })
    }
  }
}
