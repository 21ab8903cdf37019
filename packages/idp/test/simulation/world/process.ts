import type { MachineClock } from './clock.ts'
import type { Cancel, World } from './world.ts'

/** Events that a paused process finds waiting when it goes on come in within this time, in any order. */
const catchUpMs = 2

/**
 * One life of a process: from its start to its end. Whatever reaches it, a timer, a reply, a connection, passes through
 * `take`, so that a dead process never acts again and a paused one acts late. What waits for the reply of a call that died
 * with it simply never goes on.
 */
export class Life {
  readonly name: string
  /** Where it runs: the lives of one machine follow each other. */
  readonly machine: string
  readonly clock: MachineClock
  readonly world: World
  readonly #onEnd = new Set<() => void>()
  #alive = true
  #paused = false
  #waiting: (() => void)[] = []

  constructor(world: World, name: string, clock: MachineClock) {
    this.world = world
    this.name = name
    this.machine = name.replace(/\.\d+$/, '')
    this.clock = clock
  }

  get alive(): boolean {
    return this.#alive
  }

  get running(): boolean {
    return this.#alive && !this.#paused
  }

  /** Lets something happen in this process, now if it runs. */
  take(act: () => void): void {
    if (!this.#alive) return
    if (this.#paused) this.#waiting.push(act)
    else act()
  }

  /** A timer of this process, by its own clock. */
  readonly after = (delayMs: number, act: () => void): Cancel => {
    let over = false
    const cancel = this.world.at(delayMs / this.clock.rate, () => this.take(() => over || act()))
    return () => {
      over = true
      cancel()
    }
  }

  /** An interval timer: like those of the system it does not make up for what it missed. */
  readonly every = (everyMs: number, act: () => void): Cancel => {
    let over = false
    const arm = () => {
      if (!over) this.after(everyMs, beat)
    }
    const beat = () => {
      if (over) return
      arm()
      act()
    }
    arm()
    return () => {
      over = true
    }
  }

  /** Something outside reaches this process after a delay. */
  reach(delayMs: number, act: () => void): Cancel {
    return this.world.at(delayMs, () => this.take(act))
  }

  pause(): void {
    if (!this.running) return
    this.#paused = true
    this.world.log(() => `${this.name} stands still`)
  }

  goOn(): void {
    if (!this.#alive || !this.#paused) return
    this.#paused = false
    this.world.log(() => `${this.name} goes on`)
    for (const act of this.#waiting.splice(0)) this.reach(this.world.random.between(0, catchUpMs), act)
  }

  /** Ends it in the middle of whatever it does. */
  end(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#waiting = []
    this.world.log(() => `${this.name} is dead`)
    const hearers = [...this.#onEnd]
    this.#onEnd.clear()
    for (const hear of hearers) hear()
  }

  /** What others notice of its end: its connections break. */
  whenOver(hear: () => void): Cancel {
    if (this.#alive) this.#onEnd.add(hear)
    else hear()
    return () => this.#onEnd.delete(hear)
  }
}
