import { basic, tokenForm } from '../client/token.ts'
import type { Clock } from '../clock.ts'
import type { Credential } from '../estate/document.ts'
import { brokenCause, isRevokedRefusal, refusalCause, type Target } from './cause.ts'
import { Connections, type Incoming, type Outgoing } from './http.ts'
import { type Held, TokenPool } from './pool.ts'
import { Tally } from './tally.ts'

/** Who is put under load, and as whom. */
export interface LoadOptions {
  idp: string
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
  readonly #tokenTarget: Target
  readonly #tokenRequest: Outgoing
  readonly #apis: Api[]
  #turn = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#pool = new TokenPool(options.random)
    this.#tokenTarget = { role: 'token', url: options.idp }
    this.#tokenRequest = {
      method: 'POST',
      url: new URL(`${options.idp}/api/v1/token`),
      headers: { authorization: basic(options.agent), 'content-type': 'application/x-www-form-urlencoded' },
      body: tokenForm(),
    }
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
    await this.#send(this.#tokenRequest, this.#tokenTarget, (reply) => {
      if (reply.status !== 200) return refusalCause(reply, this.#tokenTarget)
      const { access_token } = JSON.parse(reply.body) as { access_token: string }
      const { kid } = this.#pool.add(access_token)
      this.tally.signedBy(kid)
      if (!revokedBefore.has(kid)) return undefined
      this.#pool.drop(kid)
      return `token signed by a revoked key ${this.#tokenTarget.url}`
    })
  }

  async #hello(turn: number, held: Held): Promise<void> {
    // The turn alone would send the same kind of token to the same API for ever.
    const index = (turn + Math.floor(turn / (2 * tokenEvery))) % this.#apis.length
    const { target, url } = this.#apis[index] as Api
    const outgoing: Outgoing = { method: 'GET', url, headers: { authorization: `Bearer ${held.token}` } }
    await this.#send(outgoing, target, (reply) =>
      reply.status === 200 ? undefined : this.#refused(reply, target, held),
    )
  }

  #refused(reply: Incoming, target: Target, held: Held): string | typeof revokedRefusal {
    if (!isRevokedRefusal(reply)) return refusalCause(reply, target)
    this.#revoked.add(held.kid)
    this.#pool.drop(held.kid)
    return revokedRefusal
  }

  async #send(outgoing: Outgoing, target: Target, judge: (reply: Incoming) => Verdict): Promise<void> {
    const start = this.#options.monotonic()
    const verdict = await this.#connections
      .send(outgoing)
      .then(judge)
      .catch((error) => brokenCause(error, target))
    const latencyMs = this.#options.monotonic() - start
    if (verdict === undefined) this.tally.succeeded(latencyMs)
    else if (verdict === revokedRefusal) this.tally.refusedAsRevoked(latencyMs)
    else this.tally.failed(verdict, latencyMs)
  }
}

const revokedRefusal = Symbol('refused because its key was revoked')
/** Undefined: all is well. A text: the cause of a failure. */
type Verdict = string | typeof revokedRefusal | undefined
