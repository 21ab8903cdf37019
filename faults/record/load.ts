/**
 * A load that never stops for anything: tokens of every instance in turn, calls of every API with fresh tokens, with
 * old ones and with those whose key was revoked. Whatever comes back is recorded.
 */
import { type Credential, decodeUnverified, ask as request, tokenRequest } from '../estate/http.ts'
import type { Issued, Recording } from './record.ts'

const tickMs = 40
const jwksEveryTicks = 15
/** Answers that may be outstanding: whoever is stopped must not make us queue without bound. */
const mostOutstanding = 400

export interface LoadOptions {
  idps: readonly string[]
  apis: readonly string[]
  agent: Credential
  recording: Recording
}

export class Load {
  readonly #options: LoadOptions
  readonly #timer: NodeJS.Timeout
  readonly #outstanding = new Set<Promise<void>>()
  #good: Issued[] = []
  #turn = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  /** Resolves when everything outstanding is answered or given up. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#outstanding)
  }

  #tick(): void {
    const { idps, apis } = this.#options
    const turn = this.#turn++
    if (turn % jwksEveryTicks === 0) for (const idp of idps) this.#send(() => this.#jwks(idp))
    const token = turn % 3 === 0 ? undefined : this.#pick(turn)
    const idp = idps[Math.floor(turn / 3) % idps.length]
    const api = apis[turn % apis.length]
    if (token && api) this.#send(() => this.#hello(api, token))
    else if (idp) this.#send(() => this.#token(idp))
  }

  #send(act: () => Promise<void>): void {
    if (this.#outstanding.size >= mostOutstanding) return
    const exchange = act()
    this.#outstanding.add(exchange)
    exchange.finally(() => this.#outstanding.delete(exchange))
  }

  /** In turn the newest, any, and one whose key was revoked. */
  #pick(turn: number): Issued | undefined {
    const now = Date.now()
    this.#good = this.#good.filter(({ expiresAt }) => expiresAt > now)
    if (turn % 4 < 2) return this.#good.at(-1)
    const revoked = turn % 4 === 2 ? this.#good.filter(({ kid }) => this.#options.recording.isRevoked(kid)) : []
    return anyOf(revoked) ?? anyOf(this.#good)
  }

  async #token(idp: string): Promise<void> {
    const sentAt = Date.now()
    const reply = await request(`${idp}/api/v1/token`, tokenRequest(this.#options.agent))
    if (reply?.status !== 200) return
    const token: string = reply.body.access_token
    const issued = { idp, token, sentAt, at: Date.now(), ...decodeUnverified(token) }
    this.#options.recording.issued.push(issued)
    this.#good.push(issued)
  }

  async #hello(api: string, { token, kid, expiresAt }: Issued): Promise<void> {
    const sentAt = Date.now()
    const reply = await request(`${api}/hello`, { headers: { authorization: `Bearer ${token}` } })
    if (!reply) return
    const { status, body } = reply
    this.#options.recording.judged.push({ api, kid, expiresAt, sentAt, at: Date.now(), status, code: body?.code })
  }

  async #jwks(idp: string): Promise<void> {
    const sentAt = Date.now()
    const reply = await request(`${idp}/.well-known/jwks.json`)
    if (reply?.status !== 200) return
    const kids = reply.body.keys.map(({ kid }: { kid: string }) => kid)
    this.#options.recording.jwks.push({ idp, kids, sentAt, at: Date.now() })
  }
}

function anyOf<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)]
}
