/** Longer than an instance that is well takes to answer. */
const QUICK_MS = 300

/**
 * Lets so many questions be under way at a time, so that a thousand instances are not all called in the same moment. One
 * that takes long gives its lane back while it goes on waiting: instances that hang hold up nobody.
 */
export class Lanes {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(lanes: number) {
    this.#free = lanes
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    const leave = await this.#enter()
    const timer = setTimeout(leave, QUICK_MS)
    try {
      return await act()
    } finally {
      clearTimeout(timer)
      leave()
    }
  }

  async #enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
