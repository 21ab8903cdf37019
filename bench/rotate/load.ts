import { setTimeout as wait } from 'node:timers/promises'
import { basic } from '../estate/clients.ts'
import type { Estate } from './estate.ts'
import { Connections, type Reply } from './http.ts'
import { type Held, Tokens } from './tokens.ts'

const TICK_MS = 5
/** One request in so many asks for a token. */
const TOKEN_EVERY = 4

/**
 * Requests at a fixed rate, whatever happened to the earlier ones: tokens from both instances by turns, and calls of both
 * APIs with the freshest and with the oldest token that is good.
 */
export class Load {
  readonly #connections = new Connections()
  readonly #tokens = new Tokens()
  readonly #running = new Set<Promise<void>>()
  readonly #tokenUrls: readonly URL[]
  readonly #helloUrls: readonly URL[]
  readonly #authorization: string
  readonly failures = new Map<string, number>()
  #turn = 0
  #requests = 0
  #tooLate = 0

  constructor(estate: Estate) {
    this.#tokenUrls = estate.idps.map(({ url }) => new URL(`${url}/api/v1/token`))
    this.#helloUrls = estate.apis.map((url) => new URL(`${url}/hello`))
    this.#authorization = basic(estate.clients.agent)
  }

  get requests(): number {
    return this.#requests
  }

  /** Answers that came after the token had expired on its way: they tell nothing. */
  get tooLate(): number {
    return this.#tooLate
  }

  /** @param rate requests per second, until `stopped` */
  async run(rate: number, stopped: AbortSignal): Promise<void> {
    const start = performance.now()
    for (let fired = 0; !stopped.aborted; await wait(TICK_MS)) {
      for (const due = ((performance.now() - start) * rate) / 1_000; fired < due; fired += 1) this.#fire()
    }
    await Promise.all(this.#running)
    this.#connections.close()
  }

  #fire(): void {
    this.#turn += 1
    const held = this.#turn % TOKEN_EVERY === 0 ? undefined : this.#tokens.next(Date.now())
    const sent = (held ? this.#hello(held) : this.#token()).catch((error) => this.#failed(String(error)))
    this.#running.add(sent)
    void sent.finally(() => this.#running.delete(sent))
  }

  async #token(): Promise<void> {
    const url = this.#either(this.#tokenUrls)
    const headers = { authorization: this.#authorization, 'content-type': 'application/x-www-form-urlencoded' }
    const reply = await this.#connections.send('POST', url, headers, 'grant_type=client_credentials')
    this.#requests += 1
    if (reply.status !== 200) return this.#failed(describe('token', reply))
    this.#tokens.add((JSON.parse(reply.body) as { access_token: string }).access_token)
  }

  async #hello({ token, expiresAt }: Held): Promise<void> {
    const headers = { authorization: `Bearer ${token}` }
    const reply = await this.#connections.send('GET', this.#either(this.#helloUrls), headers)
    this.#requests += 1
    if (reply.status === 200) return
    if (Date.now() >= expiresAt) this.#tooLate += 1
    else this.#failed(describe('API', reply))
  }

  /** By chance: taking turns would send the same sort of token to the same party for ever. */
  #either(urls: readonly URL[]): URL {
    return urls[Math.floor(Math.random() * urls.length)] as URL
  }

  #failed(cause: string): void {
    this.failures.set(cause, (this.failures.get(cause) ?? 0) + 1)
  }
}

function describe(whom: string, { status, body }: Reply): string {
  return `${whom}: ${status} ${body.slice(0, 120)}`
}
