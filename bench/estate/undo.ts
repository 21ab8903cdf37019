type Step = () => Promise<unknown>

/** What has been started and has to be ended again, whatever happens: latest first. */
export class Undo {
  readonly #steps: Step[] = []
  #ending: Promise<void> | undefined
  #hasEnded = false
  #isLeaving = false

  /** What is started while everything ends, by somebody who was interrupted in the middle, is ended too. */
  add(step: Step): void {
    this.#steps.push(step)
    if (this.#hasEnded) this.#ending = this.#end()
  }

  /** Ends everything, also when ending a part of it fails; then throws the first failure. */
  all(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /** Sees to it that a benchmark that is interrupted, or fails where nobody awaits it, leaves nothing behind either. */
  whenInterrupted(): void {
    // Not once: npm passes a Ctrl-C on that the terminal has sent to both, and the second one would end this process.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#leave())
    process.on('uncaughtException', (error) => this.#leave(error))
  }

  #leave(why?: unknown): void {
    // What fails from now on does so because what it was working with has been ended.
    if (this.#isLeaving) return
    this.#isLeaving = true
    if (why !== undefined) console.error(why)
    this.all()
      .catch((failure) => failure === why || console.error(failure))
      .finally(() => process.exit(1))
  }

  async #end(): Promise<void> {
    this.#hasEnded = false
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      await step().catch((failure) => failures.push(failure))
    }
    this.#hasEnded = true
    if (failures.length > 0) throw failures[0]
  }
}
