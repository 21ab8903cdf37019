import type { FeedReader } from '../../../src/trust/hub.ts'
import { FeedStream } from './feed-stream.ts'
import type { Life } from './process.ts'
import type { Random } from './random.ts'
import type { Weather } from './weather.ts'
import type { World } from './world.ts'

export interface Reply {
  status: number
  body: unknown
}

/** What a verifier posts to renew its lease. */
export interface LeaseBody {
  instance: string
  epoch: number
  n: number
  library: string
  algorithms: string[]
  ceilingSeconds?: number
}

/** What an instance answers to those who verify. */
export interface Server {
  life: Life
  jwks(): Promise<Reply>
  lease(body: LeaseBody): Promise<Reply>
  goodbye(instance: string): Promise<Reply>
  /** Answers on the stream itself, unless it refuses. */
  feed(reader: FeedReader, lastEventId: string | undefined): Promise<Reply | undefined>
}

/** The network between verifiers and instances: slow, lossy, repeating itself, cut without a word. */
export class Network {
  readonly world: World
  readonly random: Random
  readonly #weather: () => Weather
  readonly #slow = new Map<string, { byMs: number; untilMs: number }>()
  readonly #cuts = new Map<string, number>()
  readonly #streams = new Set<FeedStream>()

  constructor(world: World, weather: () => Weather) {
    this.world = world
    this.random = world.random.fork()
    this.#weather = weather
  }

  /** Nothing passes between two machines for a while; connections stay open, and nobody is told. */
  cut(one: string, other: string, forMs: number): void {
    this.#cuts.set(pair(one, other), this.world.now + forMs)
    for (const stream of this.#streams) if (stream.joins(one, other)) stream.goHalfOpen()
  }

  /** What is answered to somebody takes that long for some time. */
  slowDown(name: string, byMs: number): void {
    this.#slow.set(name, { byMs, untilMs: this.world.now + 12_000 })
  }

  heal(): void {
    this.#cuts.clear()
    this.#slow.clear()
  }

  isCut(one: string, other: string): boolean {
    return (this.#cuts.get(pair(one, other)) ?? 0) > this.world.now
  }

  latencyMs(): number {
    if (this.happens('messageSlow', 'fault: slow message'))
      return this.random.between(50, this.random.pick([1_000, 8_000]))
    return this.random.between(0.1, 3)
  }

  happens(what: 'messageLost' | 'messageDoubled' | 'messageSlow' | 'connectionHalfOpen', label: string): boolean {
    const chance = this.#weather()[what]
    if (chance === 0 || !this.random.chance(chance)) return false
    this.world.count(label)
    return true
  }

  /** One request and its reply. What is lost is lost without a word; a dead server refuses the connection. */
  request(
    from: Life,
    server: Server | undefined,
    signal: AbortSignal | undefined,
    act: (server: Server) => Promise<Reply>,
  ) {
    return new Promise<Reply>((resolve, reject) => {
      if (signal) onceAborted(signal, reject)
      if (!server?.life.alive) return void from.reach(this.latencyMs(), () => reject(new Error('connection refused')))
      if (this.#isLost(from, server)) return
      const reset = () => from.reach(this.latencyMs(), () => reject(new Error('connection reset')))
      const answer = (reply: Reply) => {
        connected()
        const delayMs = this.latencyMs() + this.#slownessOf(from)
        if (!this.#isLost(from, server)) from.reach(delayMs, () => resolve(reply))
      }
      const connected = server.life.whenOver(reset)
      server.life.reach(this.latencyMs(), () => void act(server).then(answer))
      if (this.happens('messageDoubled', 'fault: doubled request')) {
        server.life.reach(this.latencyMs() + this.random.between(0, 3_000), () => void act(server))
      }
    })
  }

  /** Opens a feed; resolves to its body, or to the status with which it was refused. */
  openFeed(from: Life, server: Server | undefined, lastEventId: string | undefined, signal: AbortSignal) {
    return new Promise<AsyncIterable<Uint8Array> | number>((resolve, reject) => {
      onceAborted(signal, reject)
      if (!server?.life.alive) return void from.reach(this.latencyMs(), () => reject(new Error('connection refused')))
      if (this.#isLost(from, server)) return
      const stream = new FeedStream(this, from, server.life, signal, resolve)
      this.#streams.add(stream)
      stream.whenOver(() => this.#streams.delete(stream))
      if (this.happens('connectionHalfOpen', 'fault: half-open stream')) {
        this.world.at(this.random.between(0, 15_000), () => stream.goHalfOpen(), false)
      }
      server.life.reach(this.latencyMs(), () => {
        void server.feed(stream.reader, lastEventId).then((refusal) => {
          if (refusal) from.reach(this.latencyMs(), () => resolve(refusal.status))
        })
      })
    })
  }

  #slownessOf({ name }: Life): number {
    const { byMs, untilMs } = this.#slow.get(name) ?? { byMs: 0, untilMs: 0 }
    return this.world.now < untilMs ? byMs : 0
  }

  #isLost(from: Life, server: Server): boolean {
    return this.isCut(from.name, server.life.name) || this.happens('messageLost', 'fault: lost message')
  }
}

function pair(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

/** As fetch does: a signal that is aborted already ends a request before it begins. */
function onceAborted(signal: AbortSignal, reject: (reason: unknown) => void): void {
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
}
