import { RevocationJournal } from '@rekey/service'
import type { Estate } from '../estate.ts'
import type { MachineClock } from '../world/clock.ts'
import { Link } from '../world/link.ts'
import { Life } from '../world/process.ts'
import { bootInstance, type SimulatedInstance } from './instance.ts'

/** A place in which an instance runs: whenever one ends, another is started there, as a supervisor does. */
export class InstanceSlot {
  readonly name: string
  readonly clock: MachineClock
  readonly #estate: Estate
  #journal: RevocationJournal | undefined
  #lives = 0
  life: Life | undefined
  link: Link | undefined
  instance: SimulatedInstance | undefined

  constructor(estate: Estate, name: string, clock: MachineClock) {
    this.name = name
    this.clock = clock
    this.#estate = estate
  }

  start(): void {
    const { world, postgres } = this.#estate
    this.#lives += 1
    const life = new Life(world, `${this.name}.${this.#lives}`, this.clock)
    const link = new Link(life, postgres, () => this.#estate.weather)
    this.life = life
    this.link = link
    this.instance = undefined
    life.whenOver(() => world.at(world.random.between(50, 4_000), () => this.start()))
    void this.#boot(life, link)
  }

  async #boot(life: Life, link: Link): Promise<void> {
    // The file that it is kept in outlives the process.
    this.#journal ??= await RevocationJournal.open()
    try {
      this.instance = await bootInstance(this.#estate, life, link, this.#journal)
      this.#estate.world.count('instance started')
    } catch (error) {
      life.world.log(() => `${life.name} cannot start: ${error}`)
      life.end()
    }
  }
}
