/** What a request asks of the policy decision point. */
import { rolesOf } from '@rekey/verifier'
import type { FastifyRequest } from 'fastify'
import type { BearerToken } from '../bearer/verdict.ts'
import type { AuthzTarget, RequestPart } from '../config/files/targets.ts'
import { BffError } from '../error.ts'
import { memberAt, stepsTo } from '../json/member.ts'
import { parseUnambiguous } from '../json/parse.ts'
import type { LiveSession } from '../sessions/session.ts'

/** Information model of the AuthZEN Authorization API 1.0 (§5). */
export interface Question {
  readonly subject: Subject
  readonly resource: {
    readonly type: string
    readonly id: string
    readonly properties?: Readonly<Record<string, unknown>>
  }
  readonly action: { readonly name: string }
  readonly context: { readonly method: string; readonly path: string }
}

export interface Subject {
  readonly type: 'user'
  readonly id: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** Who asks: as the decision point is told, and what stays here and tells one session or token from another. */
export interface Asker {
  readonly subject: Subject
  readonly hangsOn: string
}

export function sessionAsker({ id, sub, claims }: LiveSession): Asker {
  const roles = [...rolesOf({ exp: 0, ...claims })].sort()
  return { subject: { type: 'user', id: sub, properties: { issuer: claims.iss, roles } }, hangsOn: `session ${id}` }
}

export function bearerAsker({ sub, claims, roles, permissions, scopes, token }: BearerToken): Asker {
  const { iss: issuer, client_id } = claims
  const properties = {
    issuer,
    client_id,
    roles: [...roles].sort(),
    permissions: [...permissions].sort(),
    scopes: [...scopes].sort(),
  }
  return { subject: { type: 'user', id: sub, properties }, hangsOn: `token ${token}` }
}

/** Where the id of a resource is not said to be anywhere, the question is about all of its type. */
const anyResource = '*'

/** @throws BffError `INVALID_REQUEST` when the request does not say which resource it means, or says so twice */
export function questionOf(
  request: FastifyRequest,
  { subject }: Asker,
  target: AuthzTarget,
  params: Readonly<Record<string, string | undefined>>,
): Question {
  const id = target.idFrom === undefined ? anyResource : valueIn(request, target.idFrom, params)
  if (id === undefined || id === '') refuse(`the request does not say which ${target.resource} it means`)
  const properties = Object.entries(target.props)
    .map(([name, from]) => [name, typeof from === 'string' ? from : valueIn(request, from, params)] as const)
    .filter(([, value]) => value !== undefined)
  return {
    subject,
    resource: {
      type: target.resource,
      id: String(id),
      ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
    },
    action: { name: target.action },
    // HEAD is GET without its body.
    context: { method: request.method === 'HEAD' ? 'GET' : request.method, path: pathOf(request) },
  }
}

export function pathOf({ raw }: FastifyRequest): string {
  return raw.url?.split('?', 1)[0] ?? '/'
}

type Value = string | number | boolean | undefined

function valueIn(
  request: FastifyRequest,
  part: RequestPart,
  params: Readonly<Record<string, string | undefined>>,
): Value {
  if (part.from === 'path') return params[part.name]
  return part.from === 'query' ? queryValue(request, part.name) : bodyValue(request, part.name)
}

/** Some services take the first of two, some the last, some both; some take `ID` for `id`, and some `id[]`. */
function queryValue({ raw }: FastifyRequest, name: string): Value {
  const query = new URLSearchParams(raw.url?.split('?').slice(1).join('?'))
  const values = query.getAll(name)
  if (values.length > 1 || standsOtherwise(query.keys(), name, '[')) refuse(`the query has ${name} more than once`)
  return values[0]
}

function bodyValue({ body, headers }: FastifyRequest, name: string): Value {
  if (!Buffer.isBuffer(body) || !isJson.test(headers['content-type'] ?? '')) {
    refuse(`the request needs a body of JSON with ${name} in it`)
  }
  const json = parsed(body)
  for (const { object, name: one } of stepsTo(json, name)) {
    if (standsOtherwise(Object.keys(object), one)) refuse(`the body has ${one} in other letters`)
  }
  const value = memberAt(json, name)
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse(`${name} in the body is too large to be told exactly`)
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  refuse(`${name} in the body must be a text, a number or a truth value`)
}

/**
 * Whether a name stands there in other letters, or with more behind it: services that make no difference might read that one.
 *
 * @param more what it begins with
 */
function standsOtherwise(names: Iterable<string>, name: string, more?: string): boolean {
  const isAlike = (other: string) => {
    return folded(other) === folded(name) || (more !== undefined && folded(other).startsWith(folded(name) + more))
  }
  return [...names].some((other) => other !== name && isAlike(other))
}

/** As Unicode folds case, simple: what has one capital is one. */
const folded = (name: string) => name.toUpperCase().toLowerCase()

/** What is sent as something else is read as something else by the service, and may say something else there. */
const isJson = /^application\/([\w.-]+\+)?json\s*(;\s*charset="?utf-8"?\s*)?$/i

/** Parsing ten times as much keeps an instance from its lease for seconds. */
const mostJsonBytes = 1_048_576

const known = new WeakMap<Buffer, unknown>()

/** Once for all that is asked about a request. Bytes that are no UTF-8 are refused: not everybody puts the same in their place. */
function parsed(body: Buffer): unknown {
  if (known.has(body)) return known.get(body)
  if (body.length > mostJsonBytes) {
    throw new BffError('PAYLOAD_TOO_LARGE', `a body that a decision hangs on has ${mostJsonBytes} bytes at most`)
  }
  try {
    const json = parseUnambiguous(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
    known.set(body, json)
    return json
  } catch (cause) {
    throw new BffError('INVALID_JSON', 'the body is not JSON, or has a member twice', { cause })
  }
}

function refuse(message: string): never {
  throw new BffError('INVALID_REQUEST', message)
}
