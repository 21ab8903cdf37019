import type { Random } from './random.ts'

interface Event {
  readonly atMs: number
  readonly tie: number
  readonly real: boolean
  act: () => void
  over: boolean
}

/** What is going to happen, the earliest first, as a binary heap. */
export class EventQueue {
  readonly #random: Random
  readonly #heap: Event[] = []

  constructor(random: Random) {
    this.#random = random
  }

  add(atMs: number, act: () => void, real: boolean): () => void {
    const event = { atMs, tie: this.#random.next(), act, real, over: false }
    this.#rise(event)
    return () => {
      event.over = true
      event.act = nothing
    }
  }

  /** Takes the earliest event out, unless it is later than that. */
  next(untilMs: number): Event | undefined {
    for (;;) {
      const [first] = this.#heap
      if (!first || first.atMs > untilMs) return undefined
      this.#dropFirst()
      if (!first.over) {
        first.over = true
        return first
      }
    }
  }

  #rise(event: Event): void {
    let at = this.#heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = this.#heap[parent] as Event
      if (isBefore(above, event)) break
      this.#heap[at] = above
      at = parent
    }
    this.#heap[at] = event
  }

  #dropFirst(): void {
    const last = this.#heap.pop() as Event
    if (this.#heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const right = this.#heap[child + 1]
      if (right && isBefore(right, this.#heap[child] as Event)) child += 1
      const below = this.#heap[child]
      if (!below || isBefore(last, below)) break
      this.#heap[at] = below
      at = child
    }
    this.#heap[at] = last
  }
}

function nothing(): void {}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs === b.atMs ? a.tie < b.tie : a.atMs < b.atMs
}
