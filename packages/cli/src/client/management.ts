import type { Estate } from '../estate/document.ts'
import type { Shell } from '../shell.ts'
import { type Reply, reach } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { requestToken } from './token.ts'

/** The management scopes that commands ask for; each call asks for the one it needs. */
export type Scope = 'keyrings:read' | 'keyrings:write' | 'agents:write'

/** A call of `/api/v1` and the scope that it needs. */
export interface Call {
  method: 'GET' | 'POST'
  path: string
  scope: Scope
  body?: unknown
  /** What the person wanted, for the error: "keyring signing-es256 could not be rotated". */
  failure: string
  /** For a call that rightly takes longer than most. */
  replyWithinMs?: number
}

// Renewed a little early, so that a token never runs out on its way.
const renewBeforeMs = 30_000

/**
 * The IdP's management API. Holds one opaque token a scope and gets the next one when it runs out, so that a command may
 * watch for hours.
 */
export class ManagementClient {
  readonly #estate: Estate
  readonly #shell: Pick<Shell, 'fetch' | 'now'>
  readonly #tokens = new Map<Scope, { token: string; renewAt: number }>()

  constructor(estate: Estate, shell: Pick<Shell, 'fetch' | 'now'>) {
    this.#estate = estate
    this.#shell = shell
  }

  /** @throws CliError `UNREACHABLE` (503 as well), `REFUSED` (403, 409, 423), `FAILED`; the server's code in `facts` */
  async call<T>(call: Call): Promise<T> {
    const reply = await this.#send(call, await this.#token(call.scope))
    if (!reply.ok) {
      if (reply.status === 401) this.#tokens.delete(call.scope)
      throw refusalOf(reply.status, reply.text, call.failure)
    }
    return JSON.parse(reply.text) as T
  }

  async #send(call: Call, token: string): Promise<Reply> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    if (body !== undefined) headers['content-type'] = 'application/json'
    const url = `${this.#estate.idp}/api/v1${call.path}`
    const init = { method: call.method, headers, ...(body === undefined ? {} : { body }) }
    return await reach(this.#shell.fetch, url, init, call.replyWithinMs)
  }

  async #token(scope: Scope): Promise<string> {
    const held = this.#tokens.get(scope)
    if (held && this.#shell.now() < held.renewAt) return held.token
    const reply = await requestToken(this.#shell.fetch, this.#estate.idp, this.#estate.admin, scope)
    this.#tokens.set(scope, {
      token: reply.access_token,
      renewAt: this.#shell.now() + reply.expires_in * 1000 - renewBeforeMs,
    })
    return reply.access_token
  }
}
