import type { Estate } from '../estate.ts'
import type { MachineClock } from '../world/clock.ts'
import { Life } from '../world/process.ts'

/**
 * Somebody who reads the JWKS without telling who he is, and holds it for as long as its max-age allows. The age counts
 * from the sending of the request (RFC 9111 §4.2.3: the delay of a response is part of its age).
 */
export class Reader {
  readonly name: string
  readonly clock: MachineClock
  readonly life: Life
  readonly #estate: Estate
  #kids: ReadonlySet<string> = new Set()
  #freshUntil = Number.NEGATIVE_INFINITY
  /** True time at which what it holds was asked for. */
  askedAtMs = Number.NEGATIVE_INFINITY

  constructor(estate: Estate, name: string, clock: MachineClock) {
    this.name = name
    this.clock = clock
    this.#estate = estate
    this.life = new Life(estate.world, name, clock)
  }

  /** What it accepts now without asking anybody; undefined when it would ask first. */
  get kids(): ReadonlySet<string> | undefined {
    return this.clock.monotonic() < this.#freshUntil ? this.#kids : undefined
  }

  start(): void {
    const { world } = this.#estate
    this.life.after(world.random.between(100, 4_000), () => {
      void this.#read()
      this.start()
    })
  }

  async #read(): Promise<void> {
    const { network, world, observer } = this.#estate
    const { instance } = world.random.pick(this.#estate.instances)
    const asked = { trueMs: world.now, monotonic: this.clock.monotonic() }
    const reply = await network
      .request(this.life, instance?.server, undefined, (server) => server.jwks())
      .catch(() => undefined)
    if (reply?.status !== 200) return
    const { keys, maxAgeMs } = reply.body as { keys: { kid: string }[]; maxAgeMs: number }
    // A copy that left later is newer, whichever came first.
    if (asked.trueMs < this.askedAtMs) return
    this.askedAtMs = asked.trueMs
    this.#kids = new Set(keys.map(({ kid }) => kid))
    this.#freshUntil = asked.monotonic + maxAgeMs
    observer.count('anonymous reader served')
  }
}
