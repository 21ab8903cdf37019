import { basic } from '../administration/client.ts'
import type { Clock } from '../clock.ts'
import type { Estate } from '../estate/estate.ts'
import { Connections, causeOf, type Incoming } from './http.ts'
import { type Phase, Tally } from './tally.ts'
import { type Held, Wallet } from './wallet.ts'

/** Requests a second to each API. */
export const ratePerApi = 25
const newTokenEveryMs = 500

/**
 * The honest agent: gets a token from each identity provider in turn twice a second, holds all of them until shortly
 * before they expire, and shows each that it uses to all four APIs.
 */
export class Load {
  readonly tally = new Tally()
  readonly wallet: Wallet
  phase: Phase = 'settle'
  /** The key that signed the freshest token. */
  kid: string | undefined
  /** When a request failed last, by the monotonic clock. */
  lastFailureAt: number | undefined
  readonly #estate: Estate
  readonly #clock: Clock
  readonly #connections = new Connections()
  readonly #running = new Set<Promise<void>>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #revoked = new Set<string>()
  #turn = 0

  constructor(estate: Estate, clock: Clock, random: () => number) {
    this.#estate = estate
    this.#clock = clock
    this.wallet = new Wallet(random)
  }

  start(): void {
    this.#track(this.#newToken())
    this.#timers.push(
      setInterval(() => this.#track(this.#newToken()), newTokenEveryMs),
      setInterval(() => this.#useToken(), 1_000 / ratePerApi),
    )
  }

  /** Resolves when every request is answered or has timed out. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#running)
    this.#connections.close()
  }

  /**
   * From now on the refusal of a token by this key is what was asked for, and no failure: the agent does what a client
   * does on a 401, it forgets such tokens and goes on with fresh ones.
   */
  expectRevocation(kid: string): void {
    this.#revoked.add(kid)
  }

  async #newToken(): Promise<void> {
    const { idps, agent } = this.#estate
    const index = this.#turn++ % idps.length
    const target = tokensOf(index)
    const headers = { authorization: basic(agent), 'content-type': 'application/x-www-form-urlencoded' }
    const request = { url: `${idps[index]}/api/v1/token`, headers, body: 'grant_type=client_credentials' }
    await this.#send(request, target, (reply) => {
      const { access_token: token } = JSON.parse(reply.body) as { access_token: string }
      this.kid = this.wallet.add(token).kid
    })
  }

  #useToken(): void {
    const held = this.wallet.next(this.#clock.wallMs())
    if (!held) return
    const headers = { authorization: `Bearer ${held.token}` }
    for (const api of this.#estate.apis) {
      this.#track(this.#send({ url: `${api.url}/hello`, headers }, api.name, () => {}, held))
    }
  }

  async #send(
    request: Parameters<Connections['send']>[0],
    target: string,
    take: (reply: Incoming) => void,
    held?: Held,
  ): Promise<void> {
    const { phase } = this
    const outcome: Incoming | Error = await this.#connections.send(request).catch((error: Error) => error)
    if ('status' in outcome && outcome.status === 200) {
      this.tally.succeeded(phase, target)
      take(outcome)
    } else if (held && 'status' in outcome && outcome.status === 401 && this.#revoked.has(held.kid)) {
      this.tally.refusedAsRevoked(phase, target)
      this.wallet.drop(held.kid)
    } else {
      this.tally.failed(phase, target, causeOf(outcome))
      this.lastFailureAt = this.#clock.monotonicMs()
    }
  }

  #track(sent: Promise<void>): void {
    this.#running.add(sent)
    sent.finally(() => this.#running.delete(sent))
  }
}

/** What the token endpoint of an instance is called in the tally. */
export function tokensOf(index: number): string {
  return `idp-${index + 1}`
}
