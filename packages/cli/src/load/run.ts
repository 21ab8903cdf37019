import type { Clock } from '../clock.ts'
import type { Credential } from '../estate/document.ts'
import { brokenCause, isRevokedRefusal, refusalCause, type Target } from './cause.ts'
import { Connections, type Incoming, type Outgoing } from './http.ts'
import { type Issued, Issuers } from './issuers.ts'
import { type Held, TokenPool } from './pool.ts'
import { Tally } from './tally.ts'

/** Who is put under load, and as whom. */
export interface LoadOptions {
  /** Every instance of the IdP. */
  idps: readonly string[]
  apis: readonly string[]
  agent: Credential
  now: Clock
  monotonic: Clock
  random: () => number
}

// One request in so many asks for a token: more than any agent would, so that a change of key shows within milliseconds.
const tokenEvery = 5

interface Api {
  target: Target
  url: URL
}

/** A load on the estate: token requests, and calls of every API in turn with fresh and with old tokens. */
export class Load {
  readonly tally = new Tally()
  readonly #options: LoadOptions
  readonly #pool: TokenPool
  readonly #connections = new Connections()
  readonly #running = new Set<Promise<void>>()
  readonly #revoked = new Set<string>()
  readonly #issuers: Issuers
  readonly #apis: Api[]
  #turn = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#pool = new TokenPool(options.random)
    const { idps, agent } = options
    const onRetry = () => this.tally.retried()
    this.#issuers = new Issuers({ idps, agent, connections: this.#connections, onRetry })
    this.#apis = options.apis.map((url) => ({ target: { role: 'api', url }, url: new URL(`${url}/hello`) }))
  }

  /** The key that signed the freshest token. */
  get kid(): string | undefined {
    return this.#pool.kid
  }

  /** Sends the next request of the mixture. */
  fire(): void {
    const turn = this.#turn++
    const held = this.#apis.length === 0 || turn % tokenEvery === 0 ? undefined : this.#pool.next(this.#options.now())
    const sent = held ? this.#hello(turn, held) : this.#token()
    this.#running.add(sent)
    sent.finally(() => this.#running.delete(sent))
  }

  /** Resolves when every request is answered or has timed out. */
  async settle(): Promise<void> {
    await Promise.all(this.#running)
    this.#connections.close()
  }

  async #token(): Promise<void> {
    const revokedBefore = new Set(this.#revoked)
    await this.#measure(async () => {
      const issued = await this.#issuers.ask()
      return typeof issued === 'string'
        ? issued
        : judged(issued.target, async () => this.#issued(issued, revokedBefore))
    })
  }

  #issued({ reply, target }: Issued, revokedBefore: ReadonlySet<string>): Verdict {
    if (reply.status !== 200) return refusalCause(reply, target)
    const { access_token } = JSON.parse(reply.body) as { access_token: string }
    const { kid } = this.#pool.add(access_token)
    this.tally.signedBy(kid)
    if (!revokedBefore.has(kid)) return undefined
    this.#pool.drop(kid)
    return `token signed by a revoked key ${target.url}`
  }

  async #hello(turn: number, held: Held): Promise<void> {
    // The turn alone would send the same kind of token to the same API for ever.
    const index = (turn + Math.floor(turn / (2 * tokenEvery))) % this.#apis.length
    const { target, url } = this.#apis[index] as Api
    const outgoing: Outgoing = { method: 'GET', url, headers: { authorization: `Bearer ${held.token}` } }
    const greeted = async () => {
      const reply = await this.#connections.send(outgoing)
      return reply.status === 200 ? undefined : this.#refused(reply, target, held)
    }
    await this.#measure(() => judged(target, greeted))
  }

  #refused(reply: Incoming, target: Target, held: Held): string | typeof revokedRefusal {
    if (!isRevokedRefusal(reply)) return refusalCause(reply, target)
    this.#revoked.add(held.kid)
    this.#pool.drop(held.kid)
    return revokedRefusal
  }

  async #measure(request: () => Promise<Verdict>): Promise<void> {
    const start = this.#options.monotonic()
    const verdict = await request()
    const latencyMs = this.#options.monotonic() - start
    if (verdict === undefined) this.tally.succeeded(latencyMs)
    else if (verdict === revokedRefusal) this.tally.refusedAsRevoked(latencyMs)
    else this.tally.failed(verdict, latencyMs)
  }
}

const revokedRefusal = Symbol('refused because its key was revoked')
/** Undefined: all is well. A text: the cause of a failure. */
type Verdict = string | typeof revokedRefusal | undefined

/** The verdict on a request; no reply, or one that cannot be read, is a failure with a cause. */
async function judged(target: Target, request: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await request()
  } catch (error) {
    return brokenCause(error, target)
  }
}
