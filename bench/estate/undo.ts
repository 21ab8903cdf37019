type Step = () => Promise<unknown>

/** What has been started and has to be ended again, whatever happens: latest first. */
export class Undo {
  readonly #steps: Step[] = []
  #ending: Promise<void> | undefined

  /** What is started while everything ends, by somebody who was interrupted in the middle, is ended at once. */
  add(step: Step): void {
    if (this.#ending === undefined) this.#steps.push(step)
    else this.#ending = this.#ending.finally(step)
  }

  /** Ends everything, also when ending a part of it fails; then throws the first failure. */
  all(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /** Sees to it that an interrupted benchmark leaves nothing behind either. */
  whenInterrupted(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void this.all().finally(() => process.exit(1)))
    }
  }

  async #end(): Promise<void> {
    const failures: unknown[] = []
    for (const step of this.#steps.reverse()) await step().catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
}
