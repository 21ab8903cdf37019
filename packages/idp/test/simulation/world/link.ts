import type { Heard, Listener } from '@rekey/database'
import type { Postgres } from './postgres.ts'
import type { Life } from './process.ts'
import type { Random } from './random.ts'
import type { Weather } from './weather.ts'

/** A query that is not answered by then ends with its connection, as `database/src/connection/deadline.ts` has it. */
const deadlineMs = 5_000
/** Pings of a listener come each second, and two that are missed in a row make it deaf. */
const deafAfterMs = [2_000, 3_000] as const

class Unreachable extends Error {
  readonly code = 'UNREACHABLE'
}

/** The way of one process to the database. */
export class Link {
  readonly #life: Life
  readonly #postgres: Postgres
  readonly #weather: () => Weather
  readonly #random: Random
  #cutUntilMs = 0
  #slow = { byMs: 0, untilMs: 0 }
  #ear: Ear | undefined

  constructor(life: Life, postgres: Postgres, weather: () => Weather) {
    this.#life = life
    this.#postgres = postgres
    this.#weather = weather
    this.#random = life.world.random.fork()
  }

  /** Nothing passes for a while, and nobody is told. */
  cut(forMs: number): void {
    this.#cutUntilMs = this.#life.world.now + forMs
    this.#ear?.goDeaf()
  }

  /** Every other message takes that long for some time, in either direction. */
  slowDown(byMs: number, forMs: number): void {
    this.#slow = { byMs, untilMs: this.#life.world.now + forMs }
  }

  heal(): void {
    this.#cutUntilMs = 0
    this.#slow = { byMs: 0, untilMs: 0 }
  }

  get isCut(): boolean {
    return this.#life.world.now < this.#cutUntilMs
  }

  get isOpen(): boolean {
    return this.#postgres.up && !this.isCut
  }

  /** One call: there, carried out, and back. Each of the three may fail alone. */
  call<T>(act: (postgres: Postgres) => T): Promise<T> {
    const life = this.#life
    if (this.#happens('crashBeforeCall', 'fault: crash before a call')) {
      life.end()
      return new Promise<T>(() => undefined)
    }
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => reject(new Unreachable('no answer'))
      if (this.isCut || this.#happens('requestLost', 'fault: request to the database lost')) {
        life.after(deadlineMs, giveUp)
        return
      }
      const there = this.#latencyMs()
      const back = this.#latencyMs()
      if (there + back >= deadlineMs) life.after(deadlineMs, giveUp)
      const refused = () => life.reach(back, () => reject(new Unreachable('connection refused')))
      life.world.at(there, () => (this.#postgres.up ? this.#carryOut(act, back, resolve, giveUp) : refused()), false)
    })
  }

  /** As `openListener` does: rejects when it cannot be opened, and comes back by itself once it was. */
  listen(heard: Heard): Promise<Listener> {
    const life = this.#life
    return new Promise<Listener>((resolve, reject) => {
      life.reach(2 * this.#latencyMs(), () => {
        if (!this.isOpen) return reject(new Unreachable('cannot listen'))
        const ear = new Ear(life, this, this.#postgres, heard, this.#random)
        this.#ear = ear
        resolve({ close: () => ear.close() })
      })
    })
  }

  /** The connection that listens is cut: noticed at once, or not at all until pings are missed. */
  cutEar(silently: boolean): void {
    if (silently) this.#ear?.goDeaf()
    else this.#ear?.breakOff()
  }

  #carryOut<T>(act: (postgres: Postgres) => T, back: number, resolve: (result: T) => void, giveUp: () => void): void {
    const result = act(this.#postgres)
    if (this.#happens('crashAfterCommit', 'fault: crash between commit and reply')) {
      this.#life.end()
      return
    }
    if (this.isCut || this.#happens('replyLost', 'fault: reply of the database lost')) {
      this.#life.after(this.#random.pick([20, deadlineMs]), giveUp)
      return
    }
    this.#life.reach(back, () => resolve(result))
  }

  #latencyMs(): number {
    const { byMs, untilMs } = this.#slow
    if (this.#life.world.now < untilMs && this.#random.chance(0.5)) return byMs
    const { databaseLatencyMs, slow } = this.#weather()
    if (slow > 0 && this.#random.chance(slow)) {
      this.#life.world.count('fault: slow database')
      return this.#random.between(100, this.#random.pick([500, 4_000, 4_000, 9_000]))
    }
    return this.#random.between(0.1, databaseLatencyMs)
  }

  #happens(what: 'requestLost' | 'replyLost' | 'crashBeforeCall' | 'crashAfterCommit', label: string): boolean {
    const chance = this.#weather()[what]
    if (chance === 0 || !this.#random.chance(chance)) return false
    this.#life.world.count(label)
    return true
  }
}

/** A connection that listens: hearing, deaf without knowing it, or broken and trying to come back. */
class Ear {
  readonly #life: Life
  readonly #link: Link
  readonly #postgres: Postgres
  readonly #heard: Heard
  readonly #random: Random
  #closed = false
  #hears = true
  readonly #hear = (revision: string) =>
    this.#life.reach(this.#random.between(0.1, 3), () => this.#hears && this.#heard.onNotify(revision))

  constructor(life: Life, link: Link, postgres: Postgres, heard: Heard, random: Random) {
    this.#life = life
    this.#link = link
    this.#postgres = postgres
    this.#heard = heard
    this.#random = random
    this.#postgres.ears.add(this.#hear)
    life.whenOver(() => this.close())
  }

  close(): void {
    this.#closed = true
    this.#hears = false
    this.#postgres.ears.delete(this.#hear)
  }

  goDeaf(): void {
    if (!this.#stopHearing()) return
    this.#life.after(this.#random.between(...deafAfterMs), () => this.#lost('pings-missed'))
  }

  breakOff(): void {
    if (!this.#stopHearing()) return
    this.#life.reach(this.#random.between(0.1, 20), () => this.#lost('connection-broken'))
  }

  #stopHearing(): boolean {
    const did = this.#hears && !this.#closed
    this.#hears = false
    this.#postgres.ears.delete(this.#hear)
    return did
  }

  #lost(kind: 'pings-missed' | 'connection-broken'): void {
    if (this.#closed) return
    this.#life.world.count(`listener: ${kind}`)
    this.#heard.onLost({ kind })
    this.#comeBack()
  }

  #comeBack(): void {
    this.#life.after(this.#random.between(100, 1_000), () => {
      if (this.#closed) return
      if (!this.#link.isOpen) return this.#comeBack()
      this.#hears = true
      this.#postgres.ears.add(this.#hear)
      this.#heard.onRestored()
    })
  }
}
