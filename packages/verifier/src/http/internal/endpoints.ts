import { type Clock, systemClock } from '../../clock.ts'
import type { VerifyError } from '../../error.ts'
import { assertKnown } from '../../known-options.ts'
import { tell } from '../../listener.ts'
import { bearerSecret } from '../../secrets/bearer.ts'
import { type Environment, naming, secretFromEnvironment, variableOf } from '../../secrets/environment.ts'
import type { SecretSource } from '../../secrets/source.ts'
import { assertAccess } from './access.ts'
import { jsonBody, type RequestWithBody } from './body.ts'
import { allow, type DenyControl, deny, list } from './deny.ts'
import { type RefreshControl, refresh } from './refresh.ts'
import { type InternalReply, Problem } from './reply.ts'

/** What the internal endpoints need of a verifier, or of several. */
export interface Controlled extends RefreshControl, DenyControl {}

/** Something that was asked of the internal endpoints, with its outcome: for the log or the audit. */
export interface InternalAction {
  readonly method: string
  readonly path: string
  readonly status: number
  /** What was answered, as JSON; undefined for a list. */
  readonly answer: string | undefined
}

export interface InternalOptions {
  /** What callers must present. Default: `INTERNAL_JWKS_REFRESH_TOKEN` (`new,old` or `file:/path`) or `…_TOKEN_FILE`. */
  readonly token?: SecretSource
  /** Read where there is no `token`. Default `process.env`. */
  readonly env?: Environment
  /**
   * Told of every request to an internal endpoint once it was answered, refused ones too. What it throws or rejects with
   * becomes a warning of the process (`RekeyWarning`).
   */
  readonly onAction?: (action: InternalAction) => unknown
  /** The file of the secret cannot be read any more; what was read last stays in force. As `onAction` where it fails. */
  readonly onProblem?: (error: VerifyError) => unknown
  readonly clock?: Clock
}

/** A request to an internal endpoint. */
export interface InternalRequest extends RequestWithBody {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
}

/** The internal endpoints. Made by {@link internalEndpoints}. */
export interface InternalEndpoints {
  /** None when there is no secret: then there are no endpoints. */
  readonly paths: readonly string[]
  /** The answer to a request for one of the paths. */
  answer(request: InternalRequest): Promise<InternalReply>
  /** Stops watching the file of the secret. */
  close(): void
}

type Act = (control: Controlled, request: InternalRequest, clock: Clock) => Promise<InternalReply>

const ENDPOINTS: Readonly<Record<string, Readonly<Record<string, Act>>>> = {
  '/internal/auth/jwks/refresh': {
    POST: (control) => refresh(control),
  },
  '/internal/auth/deny': {
    GET: async (control) => list(control),
    POST: async (control, request, clock) => deny(control, await jsonBody(request, clock)),
    DELETE: (control, request, clock) => allow(control, request.query, () => jsonBody(request, clock)),
  },
}

function actFor({ path, method }: InternalRequest): Act {
  const methods = ENDPOINTS[path] ?? {}
  const act = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (act !== undefined) return act
  const allowed = Object.keys(methods).join(', ')
  throw new Problem(405, 'method_not_allowed', `this path knows ${allowed}`, { allow: allowed })
}

const VARIABLE = 'INTERNAL_JWKS_REFRESH_TOKEN'

function secretOf({ token, env = process.env, clock = systemClock, onProblem }: InternalOptions) {
  const source = token ?? secretFromEnvironment(env, VARIABLE)
  if (source === undefined) return undefined
  const name = token === undefined ? variableOf(source, VARIABLE) : 'token'
  return naming(name, () => bearerSecret(source, { clock, ...(onProblem && { onProblem }) }))
}

const ASKED = ['refresh', 'deny', 'allow', 'denied'] as const

function assertWellMade(control: Controlled, options: InternalOptions): void {
  if (!ASKED.every((name) => typeof control?.[name] === 'function')) {
    throw new TypeError('the internal endpoints need a verifier')
  }
  const names = { token: true, env: true, onAction: true, onProblem: true, clock: true } as const
  assertKnown('the internal endpoints', options, names)
  for (const name of ['onAction', 'onProblem'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new TypeError(`${name} must be a function`)
    }
  }
}

/**
 * The endpoints that operators steer a verifier by, for any framework: the adapters of the frameworks are made of it. It
 * is read once whether there is a secret.
 *
 * @throws {TypeError} for a secret of the wrong shape, an option that there is not, and without a verifier.
 * @throws {VerifyError} `secrets_failed` for a file that cannot be read.
 */
export function internalEndpoints(control: Controlled, options: InternalOptions = {}): InternalEndpoints {
  assertWellMade(control, options)
  const { clock = systemClock, onAction } = options
  const secret = secretOf(options)
  async function outcome(request: InternalRequest): Promise<InternalReply> {
    try {
      if (secret === undefined) throw new Problem(404, 'not_found', 'there is nothing here')
      assertAccess(secret, request.header('authorization'))
      return await actFor(request)(control, request, clock)
    } catch (error) {
      if (error instanceof Problem) return error.reply()
      throw error
    }
  }
  return {
    paths: secret === undefined ? [] : Object.keys(ENDPOINTS),
    async answer(request) {
      const reply = await outcome(request)
      const { method, path } = request
      const answer = typeof reply.text === 'string' ? reply.text : undefined
      tell('onAction', onAction, { method, path, status: reply.status, answer })
      return reply
    },
    close: () => secret?.close(),
  }
}
