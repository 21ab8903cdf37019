import { type OnLeaseLost, type TrustSource, trustFeed } from '@rekey/verifier'
import type { Estate } from '../estate.ts'
import type { MachineClock } from '../world/clock.ts'
import type { Reply, Server } from '../world/network.ts'
import { Life } from '../world/process.ts'

/** One life of a process that verifies. */
export interface SimulatedVerifier {
  life: Life
  trust: TrustSource
  /** How long it may go on by what it was granted last. */
  graceMs: number
  /** What it accepts while it holds trust. */
  kids: ReadonlySet<string>
  /** What it was ever told to be revoked. */
  revoked: ReadonlySet<string>
}

/** A place in which a verifier runs. */
export class VerifierSlot {
  readonly name: string
  readonly clock: MachineClock
  readonly #estate: Estate
  readonly #onLeaseLost: OnLeaseLost
  readonly #keepsName: boolean
  #lives = 0
  verifier: SimulatedVerifier | undefined

  constructor(estate: Estate, name: string, _index: number, clock: MachineClock) {
    const { random } = estate.world
    this.name = name
    this.clock = clock
    this.#estate = estate
    this.#onLeaseLost = random.chance(0.35)
      ? { lastKnownGood: { ceilingMs: random.pick([5_000, 20_000, 40_000]) } }
      : 'fail-closed'
    this.#keepsName = random.chance(0.3)
  }

  /** The name under which it is known to the issuer now. */
  get knownAs(): string {
    return this.#keepsName ? this.name : `${this.name}.${this.#lives}`
  }

  start(): void {
    const { world } = this.#estate
    this.#lives += 1
    const life = new Life(world, `${this.name}.${this.#lives}`, this.clock)
    const verifier = this.#verifierIn(life)
    this.verifier = verifier
    life.whenOver(() => world.at(world.random.between(50, 4_000), () => this.start()))
    const announce: Parameters<TrustSource['start']>[0]['announce'] = (event, ..._facts) => {
      if (event === 'leaseLost') world.count('verifier lost its lease')
      if (!event.startsWith('key')) return
      const { kids, revokedKids } = verifier.trust.snapshot()
      verifier.kids = new Set(kids)
      verifier.revoked = new Set([...verifier.revoked, ...revokedKids])
    }
    verifier.trust
      .start({
        algorithms: ['ES256', 'RS256'],
        announce,
        denied: { replace: () => undefined, change: () => undefined },
      })
      .catch((error) => world.log(() => `${life.name}: ${error}`))
  }

  #verifierIn(life: Life): SimulatedVerifier {
    const { clock } = this
    const trust = trustFeed({
      issuer: 'http://localhost',
      url: this.#estate.instances.map(({ name }) => `http://${name}.localhost`),
      clientId: 'api',
      clientSecret: 'secret',
      onLeaseLost: this.#onLeaseLost,
      instance: this.knownAs,
      fetch: this.#fetchOf(life),
      clock: { wallMs: clock.wall, monotonicMs: clock.monotonic, after: life.after },
      random: () => life.world.random.next(),
    })
    const ceilingMs = this.#onLeaseLost === 'fail-closed' ? 0 : this.#onLeaseLost.lastKnownGood.ceilingMs
    return { life, trust, graceMs: Math.max(15_000, ceilingMs), kids: new Set(), revoked: new Set() }
  }

  #fetchOf(life: Life): typeof globalThis.fetch {
    const { network } = this.#estate
    const fetch = async (url: string, init: RequestInit): Promise<unknown> => {
      const { hostname, pathname } = new URL(url)
      const server = this.#serverAt(hostname)
      const signal = init.signal ?? new AbortController().signal
      const headers = init.headers as Record<string, string>
      if (pathname === '/trust/feed') {
        return feedResponse(await network.openFeed(life, server, headers['last-event-id'], signal))
      }
      const body = JSON.parse(String(init.body))
      const ask = (to: Server) => (init.method === 'DELETE' ? to.goodbye(body.instance) : to.lease(body))
      return response(await network.request(life, server, signal, ask))
    }
    return fetch as typeof globalThis.fetch
  }

  #serverAt(hostname: string): Server | undefined {
    return this.#estate.instances.find(({ name }) => hostname === `${name}.localhost`)?.instance?.server
  }
}

function response({ status, body }: Reply) {
  const text = JSON.stringify(body ?? '')
  return { status, ok: status < 300, body: { cancel: async () => undefined }, text: async () => text }
}

function feedResponse(opened: AsyncIterable<Uint8Array> | number) {
  const refused = typeof opened === 'number'
  return {
    status: refused ? opened : 200,
    headers: { get: () => 'text/event-stream' },
    body: refused ? { cancel: async () => undefined } : opened,
  }
}
