import { BffError } from '../../error.ts'

/** Gathers what is wrong with files of configuration, so that all of it can be told at once. No text has the value of a secret. */
export class Mistakes {
  readonly #texts: string[] = []

  /** @param text begins with where it is, as `place` of a document says it */
  add(text: string): void {
    this.#texts.push(text)
  }

  /**
   * What `make` gives; what it refuses becomes a mistake.
   *
   * @param place where that is, unless the refusal says so itself
   */
  attempt<T>(make: () => T, place?: string): T | undefined {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof BffError)) throw error
      this.add(place === undefined ? error.message : `${place}: ${error.message}`)
      return undefined
    }
  }

  /** @throws BffError `CONFIG_INVALID`, a line for each mistake */
  assertNone(): void {
    if (this.#texts.length === 0) return
    throw new BffError('CONFIG_INVALID', `the files of configuration are wrong:\n${this.#texts.join('\n')}`)
  }
}
