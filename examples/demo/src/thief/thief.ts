import type { Clock } from '../clock.ts'
import { DemoError } from '../error.ts'
import type { Estate } from '../estate/estate.ts'
import { Connections, causeOf } from '../load/http.ts'
import { forgeToken } from './forge.ts'
import type { StolenKey } from './steal.ts'
import { Probes } from './survival.ts'

/** How often a forged token is shown to every API. */
const probeEveryMs = 50

/** Mints a fresh token by a stolen key at every probe, and shows it to every API. */
export class Thief {
  readonly probes: ReadonlyMap<string, Probes>
  readonly #estate: Estate
  readonly #stolen: StolenKey
  readonly #clock: Clock
  readonly #connections = new Connections()
  readonly #running = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(estate: Estate, stolen: StolenKey, clock: Clock) {
    this.#estate = estate
    this.#stolen = stolen
    this.#clock = clock
    this.probes = new Map(estate.apis.map(({ name }) => [name, new Probes()]))
  }

  /** Resolves when every API has accepted a first one. Throws DemoError `CALL_REFUSED` when one does not. */
  async start(): Promise<void> {
    await this.#probe((cause, api) => {
      throw new DemoError('CALL_REFUSED', `a forged token was refused by ${api} before its key was revoked: ${cause}`)
    })
    this.#timer = setInterval(() => {
      const sent = this.#probe(() => {})
      this.#running.add(sent)
      sent.finally(() => this.#running.delete(sent))
    }, probeEveryMs)
  }

  /** The names of the APIs that accepted the latest probe. */
  get accepting(): string[] {
    return [...this.probes].filter(([, probes]) => probes.accepted).map(([name]) => name)
  }

  /** Resolves when every probe is answered or has timed out. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#running)
    this.#connections.close()
  }

  async #probe(onRefusal: (cause: string, api: string) => void): Promise<void> {
    const sentAt = this.#clock.wallMs()
    const headers = { authorization: `Bearer ${forgeToken(this.#stolen, this.#estate, sentAt)}` }
    const shown = this.#estate.apis.map(async ({ name, url }) => {
      const outcome = await this.#connections.send({ url: `${url}/hello`, headers }).catch((error: Error) => error)
      const accepted = 'status' in outcome && outcome.status === 200
      // A connection that broke says nothing about the key.
      if ('status' in outcome) this.probes.get(name)?.record(sentAt, accepted)
      if (!accepted) onRefusal(causeOf(outcome), name)
    })
    await Promise.all(shown)
  }
}
