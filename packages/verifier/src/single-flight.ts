/** One flight at a time, for what many may ask for at once. */
export class SingleFlight<T> {
  readonly #fly: () => Promise<T>
  #underWay: Promise<T> | undefined
  #next: Promise<T> | undefined

  constructor(fly: () => Promise<T>) {
    this.#fly = fly
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  /** The one under way, or a new one. */
  join(): Promise<T> {
    this.#underWay ??= this.#fly().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  /**
   * One that begins after it was asked for: what is under way may have been answered before whatever whoever asks knows of
   * came about. Those that wait for the same one to end share the next.
   */
  anew(): Promise<T> {
    if (this.#underWay === undefined) return this.join()
    this.#next ??= this.ended().then(() => {
      this.#next = undefined
      return this.join()
    })
    return this.#next
  }

  /** Resolves when the one under way is over, whatever came of it. */
  async ended(): Promise<void> {
    await this.#underWay?.then(
      () => undefined,
      () => undefined,
    )
  }
}
