import type { Clock } from '../clock.ts'
import { DemoError } from '../error.ts'
import type { Credential } from '../estate/estate.ts'
import type { ShownIssuance, ShownKeyring } from './shapes.ts'

const replyWithinMs = 15_000
// Well below the 60 s that a token of the demo lives.
const renewAfterMs = 20_000

/**
 * The operator: what a person does by commands, by HTTP. Every call throws DemoError `CALL_REFUSED` when it is refused.
 */
export class Administration {
  readonly #idp: string
  readonly #credential: Credential
  readonly #clock: Clock
  readonly #interrupted: AbortSignal
  #token: { value: string; at: number } | undefined

  constructor(idp: string, credential: Credential, clock: Clock, interrupted: AbortSignal) {
    this.#idp = idp
    this.#credential = credential
    this.#clock = clock
    this.#interrupted = interrupted
  }

  keyring(name: string): Promise<ShownKeyring> {
    return this.#call('GET', `keyrings/${name}`)
  }

  prepare(name: string): Promise<ShownKeyring> {
    return this.#call('POST', `keyrings/${name}/prepare`)
  }

  rotate(name: string, force: boolean): Promise<ShownKeyring> {
    return this.#call('POST', `keyrings/${name}/rotate`, { force, reason: 'demo' })
  }

  discard(name: string, id: string): Promise<ShownKeyring> {
    return this.#call('POST', `keyrings/${name}/discard`, { id, reason: 'demo' })
  }

  /** Resolves when the revocation is committed and every live instance has applied it. */
  revoke(name: string, id: string, reason: string): Promise<ShownKeyring> {
    return this.#call('POST', `keyrings/${name}/revoke`, { id, reason })
  }

  issuance(): Promise<ShownIssuance> {
    return this.#call('GET', 'issuance')
  }

  moveIssuance(keyring: string, force: boolean): Promise<ShownIssuance> {
    return this.#call('PUT', 'issuance', { keyring, force, reason: 'demo' })
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const authorization = `Bearer ${await this.#bearer()}`
    const sent = body
      ? { headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
      : { headers: { authorization } }
    return this.#send(`/api/v1/${path}`, { method, ...sent })
  }

  async #bearer(): Promise<string> {
    const now = this.#clock.monotonicMs()
    if (this.#token && now - this.#token.at < renewAfterMs) return this.#token.value
    const { access_token: value } = await this.#send<{ access_token: string }>('/api/v1/token', {
      method: 'POST',
      headers: { authorization: basic(this.#credential) },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'keyrings:read keyrings:write' }),
    })
    this.#token = { value, at: now }
    return value
  }

  async #send<T>(path: string, init: RequestInit): Promise<T> {
    const signal = AbortSignal.any([this.#interrupted, AbortSignal.timeout(replyWithinMs)])
    const response = await fetch(`${this.#idp}${path}`, { ...init, signal })
    const text = await response.text()
    if (!response.ok) throw new DemoError('CALL_REFUSED', `${init.method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text) as T
  }
}

/** RFC 6749 §2.3.1. Neither part of the demo's credentials has anything to encode. */
export function basic({ clientId, clientSecret }: Credential): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}
