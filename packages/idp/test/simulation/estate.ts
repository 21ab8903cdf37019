import type { Policy } from '@rekey/keyring'
import { Observer } from './observer.ts'
import { InstanceSlot } from './parties/instance-slot.ts'
import { Reader } from './parties/reader.ts'
import { VerifierSlot } from './parties/verifier-slot.ts'
import { drawSetting, type Setting } from './setting.ts'
import { MachineClock } from './world/clock.ts'
import { Network } from './world/network.ts'
import { Postgres } from './world/postgres.ts'
import { calm, type Weather } from './world/weather.ts'
import type { World } from './world/world.ts'

/** Everything there is in one seed. */
export class Estate {
  readonly world: World
  readonly setting: Setting
  readonly postgres: Postgres
  readonly network: Network
  readonly observer: Observer
  readonly instances: InstanceSlot[]
  readonly verifiers: VerifierSlot[]
  readonly readers: Reader[]
  weather: Weather
  policy: Policy
  /** By how much the clock of the database was moved, there and back. */
  databaseSteppedMs = 0
  /** Acts of operators whose process lives and has not answered yet. */
  get unanswered(): number {
    return this.asked.size
  }
  readonly asked = new Set<object>()
  /** Every key that was ever made. */
  readonly kids: string[] = []

  constructor(world: World) {
    this.world = world
    this.setting = drawSetting(world.random.fork())
    this.weather = this.setting.weather
    this.policy = this.setting.policy
    this.observer = new Observer(this)
    this.postgres = new Postgres(this.#newClock(this.setting.databaseOffMs), this.observer.committed)
    this.network = new Network(world, () => this.weather)
    const slots = <T>(count: number, make: (index: number) => T) =>
      Array.from({ length: count }, (_, index) => make(index))
    this.instances = slots(this.setting.instances, (k) => new InstanceSlot(this, `idp-${k}`, this.#partyClock()))
    this.verifiers = slots(this.setting.verifiers, (k) => new VerifierSlot(this, `api-${k}`, k, this.#partyClock()))
    this.readers = slots(this.setting.readers, (k) => new Reader(this, `reader-${k}`, this.#partyClock()))
  }

  get clocks(): MachineClock[] {
    return [...this.instances, ...this.verifiers, ...this.readers].map(({ clock }) => clock)
  }

  newKid(): string {
    const kid = `kid-${this.kids.length + 1}`
    this.kids.push(kid)
    return kid
  }

  /** From here on nothing fails any more. */
  calmDown(): void {
    this.weather = calm
  }

  #partyClock(): MachineClock {
    return this.#newClock(this.setting.partyOffMs)
  }

  #newClock(offMs: number): MachineClock {
    const random = this.world.random
    return new MachineClock(this.world, {
      rate: 1 + random.between(-1, 1) * this.setting.drift,
      offsetMs: random.between(-offMs, offMs),
      originMs: random.between(0, 1e9),
    })
  }
}
