import { type TokenBinding, tokenBinding } from '../binding/check.ts'
import type { BindingOptions } from '../binding/options.ts'
import { assertKnown, type OptionNames } from '../known-options.ts'
import type { ErrorBody } from './body.ts'

/** What a guard asks of a request, and how it refuses one. */
export interface GuardOptions {
  /** The token must have all of these. */
  readonly scopes?: readonly string[]
  /** The token must have all of these. */
  readonly roles?: readonly string[]
  /** The client whose roles count besides the realm's (`resource_access` of Keycloak). */
  readonly client?: string
  /** How a refusal is written. Default `'precise'`. */
  readonly errorBody?: ErrorBody
  /** Named in `WWW-Authenticate`. */
  readonly realm?: string
  /**
   * How tokens are held against who sends them. A token with a `cnf` claim always is; this says what else is wanted.
   * Guards that are given the same `tokenBinding(...)` remember used proofs together; a request must then pass only one.
   */
  readonly binding?: BindingOptions | TokenBinding
  /**
   * Scheme and host as clients see them, and the path that a proxy takes away: `https://api.example.com`. Default: the
   * `Host` header and the socket. `X-Forwarded-*` and `Forwarded` are never read, since clients can send them.
   */
  readonly baseUrl?: string
}

const NAMES: OptionNames<GuardOptions> = {
  scopes: true,
  roles: true,
  client: true,
  errorBody: true,
  realm: true,
  binding: true,
  baseUrl: true,
}

/** RFC 6750 §3: what a scope may be written with. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const QUOTABLE = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/
const BODIES: readonly unknown[] = ['precise', 'coarse', 'detail']

function assertNames(option: string, names: unknown, allowed: RegExp): void {
  if (Array.isArray(names) && names.every((name) => typeof name === 'string' && allowed.test(name))) return
  throw new TypeError(`${option} must be an array of names`)
}

function assertText(option: string, text: unknown, allowed: RegExp, what: string): void {
  if (text !== undefined && !(typeof text === 'string' && allowed.test(text))) {
    throw new TypeError(`${option} must be ${what}`)
  }
}

function assertBaseUrl(baseUrl: unknown): void {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && !/[?#@]/.test(String(baseUrl))
  if (!isPlain) throw new TypeError('baseUrl must be an http or https URL without query and credentials')
}

/** A binding of the caller's own is one that asks for proofs, as far as anybody can tell. */
function bindingOf(binding: GuardOptions['binding'] = {}) {
  if (typeof binding !== 'object' || binding === null) throw new TypeError('binding must be an object')
  if ('check' in binding) return { binding, asksForProofs: true }
  const { dpop, requiredBinding } = binding
  const asksForProofs = dpop !== undefined || requiredBinding === 'dpop' || requiredBinding === 'either'
  return { binding: tokenBinding(binding), asksForProofs }
}

/** The options of a guard, held against wrong use and with their defaults. @throws {TypeError} */
export function guardRules(options: GuardOptions = {}) {
  assertKnown('a guard', options, NAMES)
  const { scopes = [], roles = [], client, errorBody = 'precise', realm, baseUrl } = options
  assertNames('scopes', scopes, SCOPE)
  assertNames('roles', roles, /./)
  assertText('client', client, /./, 'the name of one client')
  assertText('realm', realm, QUOTABLE, 'printable ASCII without double quotes and backslashes')
  if (baseUrl !== undefined) assertBaseUrl(baseUrl)
  if (typeof errorBody !== 'function' && !BODIES.includes(errorBody)) {
    throw new TypeError("errorBody must be 'precise', 'coarse', 'detail' or a function")
  }
  return { scopes, roles, client, errorBody, realm, ...bindingOf(options.binding) }
}

/** What {@link guardRules} made of the options. */
export type GuardRules = ReturnType<typeof guardRules>
