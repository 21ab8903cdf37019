/** What arrives is kept until somebody asks for it; who asks first waits. */
export class Mailbox<T> {
  readonly #letters: T[] = []
  readonly #readers: ((letter: T) => void)[] = []

  put(letter: T): void {
    const reader = this.#readers.shift()
    if (reader === undefined) this.#letters.push(letter)
    else reader(letter)
  }

  next(): Promise<T> {
    const letter = this.#letters.shift()
    return letter === undefined ? new Promise((resolve) => this.#readers.push(resolve)) : Promise.resolve(letter)
  }

  get size(): number {
    return this.#letters.length
  }
}

/** Resolves once `check` holds; lets the event loop turn in between. The runner's time limit is the deadline. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve))
}
