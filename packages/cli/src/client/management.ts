import { type Estate, idpsOf } from '../estate/document.ts'
import type { Shell } from '../shell.ts'
import { Instances } from './instances.ts'
import { type Reply, reach } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { requestTokenOfAny } from './token.ts'

/** The management scopes that commands ask for; each call asks for the one it needs. */
export type Scope = 'keyrings:read' | 'keyrings:write' | 'agents:write'

/** A call of `/api/v1` and the scope that it needs. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  scope: Scope
  body?: unknown
  /** What the person wanted, for the error: "keyring signing-es256 could not be rotated". */
  failure: string
  /** Whether it does no harm when it is done twice. Default: true for GET and PUT. */
  repeatable?: boolean
  /** For a call that rightly takes longer than most. */
  replyWithinMs?: number
}

// Renewed a little early, so that a token never runs out on its way.
const renewBeforeMs = 30_000

/**
 * The IdP's management API. Holds one opaque token a scope and gets the next one when it runs out, so that a command may
 * watch for hours. They are good at every instance of the IdP.
 */
export class ManagementClient {
  readonly #estate: Estate
  readonly #instances: Instances
  readonly #shell: Pick<Shell, 'fetch' | 'now'>
  readonly #tokens = new Map<Scope, { token: string; renewAt: number }>()

  constructor(estate: Estate, shell: Pick<Shell, 'fetch' | 'now'>) {
    this.#estate = estate
    this.#instances = new Instances(idpsOf(estate))
    this.#shell = shell
  }

  /** @throws CliError `UNREACHABLE` (503 as well), `REFUSED` (403, 409, 423), `FAILED`; the server's code in `facts` */
  async call<T>(call: Call): Promise<T> {
    const token = await this.#token(call.scope)
    const repeatable = call.repeatable ?? (call.method === 'GET' || call.method === 'PUT')
    const text = await this.#instances.ask({ repeatable, of: (idp) => this.#answer(idp, call, token) })
    // 204 has no body.
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async #answer(idp: string, call: Call, token: string): Promise<string> {
    const reply = await this.#send(idp, call, token)
    if (reply.ok) return reply.text
    if (reply.status === 401) this.#tokens.delete(call.scope)
    throw refusalOf(reply.status, reply.text, call.failure)
  }

  async #send(idp: string, call: Call, token: string): Promise<Reply> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    if (body !== undefined) headers['content-type'] = 'application/json'
    const url = `${idp}/api/v1${call.path}`
    const init = { method: call.method, headers, ...(body === undefined ? {} : { body }) }
    return await reach(this.#shell.fetch, url, init, call.replyWithinMs)
  }

  async #token(scope: Scope): Promise<string> {
    const held = this.#tokens.get(scope)
    if (held && this.#shell.now() < held.renewAt) return held.token
    const reply = await requestTokenOfAny(this.#shell.fetch, this.#instances, this.#estate.admin, scope)
    this.#tokens.set(scope, {
      token: reply.access_token,
      renewAt: this.#shell.now() + reply.expires_in * 1000 - renewBeforeMs,
    })
    return reply.access_token
  }
}
