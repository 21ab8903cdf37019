import { randomUUID } from 'node:crypto'
import { CliError } from '../error.ts'
import { bffsOf, type Estate, idpsOf } from '../estate/document.ts'
import type { Shell } from '../shell.ts'
import { Instances } from './instances.ts'
import { open, type Reply, reach } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { requestTokenOfAny } from './token.ts'

/** The management scopes that commands ask for. */
export type Scope =
  | 'keyrings:read'
  | 'keyrings:write'
  | 'agents:read'
  | 'agents:write'
  | 'audit:read'
  | 'incidents:write'
  | 'webhooks:read'
  | 'webhooks:write'
  | 'admin.api'
  | 'dcr.register'
  | 'dcr.admin'

/** One of them, and maybe others behind it, each after a space. */
export type Scopes = Scope | `${Scope} ${string}`

/** Which service is asked where both have the same: the IdP unless it is said. */
export type Of = 'bff' | undefined

/** A call of the management API and the scope that it needs. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Who answers; the IdP where it is not said. */
  of?: Of
  /** Below `/api/v1`; one that begins with `/api/` stands for itself, as does every one of the BFF. */
  path: string
  scope: Scopes
  body?: unknown
  /** What the person wanted, for the error: "keyring signing-es256 could not be rotated". */
  failure: string
  /** Whether it does no harm when it is done twice. Default: true for GET and PUT. */
  repeatable?: boolean
  /**
   * Sent with an Idempotency-Key: it is done once, however often it is asked for, and answered with the same reply. So it
   * is asked again when its reply was lost, and with it, for example, the only copy of a secret.
   */
  once?: boolean
  /** For a call that rightly takes longer than most. */
  replyWithinMs?: number
}

/** A GET whose reply is not JSON. */
export type Download = Pick<Call, 'of' | 'path' | 'scope' | 'failure'>
export type Addressed = Pick<Call, 'path' | 'of'>

/** For calls that are answered when every live instance goes by them: a lease of 5 s at most, and some air. */
export const confirmedWithinMs = 15_000

// Renewed a little early, so that a token never runs out on its way.
const renewBeforeMs = 30_000
// The reply to an Idempotency-Key is kept for a minute from when it was made: whoever asks later would have it done anew.
const sameReplyForMs = 45_000

/**
 * The management API of the IdP, and of the BFF, which asks the IdP about the token. Holds opaque tokens and gets the next one when
 * one runs out, so that a command may watch for hours. They are good at every instance.
 */
export class ManagementClient {
  readonly #estate: Estate
  readonly #idps: Instances
  readonly #bffs: Instances | undefined
  readonly #shell: Pick<Shell, 'fetch' | 'now'>
  /** What a command needs in all. */
  #together: readonly string[]
  #tokens: { token: string; scopes: readonly string[]; renewAt: number }[] = []

  /** @param together the scopes that the calls of a command need, where one token can serve them all */
  constructor(estate: Estate, shell: Pick<Shell, 'fetch' | 'now'>, together: readonly Scope[] = []) {
    this.#together = together
    this.#estate = estate
    this.#idps = new Instances(idpsOf(estate))
    const bffs = bffsOf(estate)
    this.#bffs = bffs.length === 0 ? undefined : new Instances(bffs)
    this.#shell = shell
  }

  /** Whether the estate says where its backend for frontend is. */
  get hasBff(): boolean {
    return this.#bffs !== undefined
  }

  /** @throws CliError `UNREACHABLE` (503 as well), `REFUSED` (403, 409, 423, 429), `FAILED`; the server's code in `facts` */
  async call<T>(call: Call): Promise<T> {
    const { once = false, repeatable = call.method === 'GET' || call.method === 'PUT' } = call
    const instances = this.#instancesOf(call)
    const token = await this.#tokenFor(call)
    const key = once ? { 'idempotency-key': randomUUID() } : undefined
    const repeatUntil = this.#shell.now() + sameReplyForMs
    const text = await instances.ask({
      of: (base) => this.#answer(base, call, { ...bearer(token), ...key }),
      mayRepeat: () => repeatable || (once && this.#shell.now() < repeatUntil),
      // One instance is no exception: its reply may be lost too.
      rounds: once ? 2 : 1,
    })
    // 204 has no body.
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** The same for a reply that may be larger than memory. While it is read it may break off: CliError `UNREACHABLE`. */
  async stream(call: Download): Promise<AsyncIterable<Uint8Array>> {
    const instances = this.#instancesOf(call)
    const token = await this.#tokenFor(call)
    const of = (base: string) => this.#opened(base, call, bearer(token))
    return await instances.ask({ of, mayRepeat: () => true })
  }

  #instancesOf({ of }: Addressed): Instances {
    if (of === undefined) return this.#idps
    if (this.#bffs) return this.#bffs
    throw new CliError(
      'WRONG_USE',
      'this estate does not say where its backend for frontend is: --bff URL, or REKEY_BFF',
    )
  }

  async #answer(base: string, call: Call, headers: Record<string, string>): Promise<string> {
    const reply = await this.#send(base, call, headers)
    if (reply.ok) return reply.text
    throw this.#refused(call, reply)
  }

  async #opened(base: string, call: Download, headers: Record<string, string>) {
    const reply = await open(this.#shell.fetch, urlOf(base, call), { headers })
    if ('body' in reply) return reply.body
    throw this.#refused(call, reply)
  }

  #refused(call: Pick<Call, 'scope' | 'failure'>, { status, text }: Reply): CliError {
    if (status === 401) this.#tokens = this.#tokens.filter(({ scopes }) => !covers(scopes, call.scope))
    return refusalOf(status, text, call.failure)
  }

  async #send(base: string, call: Call, headers: Record<string, string>): Promise<Reply> {
    const { method } = call
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const accepted = { ...headers, accept: 'application/json' }
    const init =
      body === undefined
        ? { method, headers: accepted }
        : { method, headers: { ...accepted, 'content-type': 'application/json' }, body }
    return await reach(this.#shell.fetch, urlOf(base, call), init, call.replyWithinMs)
  }

  async #tokenFor({ of, scope }: Pick<Call, 'of' | 'scope'>): Promise<string> {
    return (of === 'bff' ? this.#estate.bffToken : undefined) ?? (await this.#token(scope))
  }

  async #token(scope: Scopes): Promise<string> {
    this.#tokens = this.#tokens.filter(({ renewAt }) => this.#shell.now() < renewAt)
    const held = this.#tokens.find(({ scopes }) => covers(scopes, scope))
    return held?.token ?? (await this.#newToken(scope))
  }

  async #newToken(scope: Scopes): Promise<string> {
    if (!covers(this.#together, scope)) return await this.#request(scope.split(' '))
    try {
      return await this.#request(this.#together)
    } catch (error) {
      // This client may not have all of them; what it may do must not depend on that.
      if (this.#together.length === 1 || !isScopeRefused(error)) throw error
      this.#together = []
      return await this.#request(scope.split(' '))
    }
  }

  async #request(scopes: readonly string[]): Promise<string> {
    const { fetch, now } = this.#shell
    const reply = await requestTokenOfAny(fetch, this.#idps, this.#estate.admin, scopes.join(' '))
    this.#tokens.push({
      token: reply.access_token,
      scopes,
      renewAt: now() + reply.expires_in * 1000 - renewBeforeMs,
    })
    return reply.access_token
  }
}

function covers(scopes: readonly string[], needed: Scopes): boolean {
  return needed.split(' ').every((scope) => scopes.includes(scope))
}

function isScopeRefused(error: unknown): boolean {
  return error instanceof CliError && error.facts.code === 'invalid_scope'
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

/** Where a service has what both have. */
export function pathAt(of: Of, path: string): Addressed {
  return of === 'bff' ? { of, path: `/internal${path}` } : { path }
}

/** Whose it is, for a sentence about it. */
export function ownerOf(of: Of): string {
  return of === 'bff' ? ' of the backend for frontend' : ''
}

/** By which a command is told whose is meant. */
export function optionOf(of: Of): string {
  return of === 'bff' ? ' --bff' : ''
}

function urlOf(base: string, { path, of }: Addressed): string {
  return of === 'bff' || path.startsWith('/api/') ? `${base}${path}` : `${base}/api/v1${path}`
}
