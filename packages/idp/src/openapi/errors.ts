import type { FastifySchema, RouteOptions } from 'fastify'
import { isOAuthEndpoint, type RefusalCode, wireOf } from '../http/errors.ts'
import type { Requirement } from './security.ts'

/** The codes by which a route may refuse, as the member `refuses` of its schema wants them. */
export function codes(...refuses: RefusalCode[]): readonly RefusalCode[] {
  return refuses
}

/** How errors look on the wire: JSON Schema, as http/errors.ts writes them. */
export const errorSchemas = {
  Error: {
    type: 'object',
    required: ['code', 'message', 'correlation_id'] as string[],
    properties: {
      code: { type: 'string', description: 'Stable: programs go by it', example: 'FORBIDDEN' },
      message: { type: 'string', description: 'For people' },
      details: { description: 'Facts that belong to the code' },
      incident: { type: 'string', description: 'Which one froze administration, with `ADMINISTRATION_FROZEN`' },
      correlation_id: {
        type: 'string',
        description: 'Stands in the log; the X-Correlation-Id of the request if it had one',
      },
    },
  },
  OAuthError: {
    type: 'object',
    description: 'RFC 6749 §5.2',
    required: ['error'] as string[],
    properties: {
      error: { type: 'string', example: 'invalid_client' },
      error_description: { type: 'string' },
      incident: { type: 'string', description: 'Which one froze administration, with `administration_frozen`' },
    },
  },
} as const

/** Of every route that somebody must authenticate for, and of each way to do that. */
const whoever = codes('RATE_LIMITED', 'NO_LEASE', 'OVERLOADED', 'DATABASE_UNAVAILABLE')
const ways: Readonly<Record<keyof Requirement, readonly RefusalCode[]>> = {
  management: codes('UNAUTHENTICATED', 'INSUFFICIENT_SCOPE', 'FORBIDDEN'),
  client: codes('invalid_client'),
  initialAccess: codes('invalid_token'),
  registration: codes('invalid_token', 'FORBIDDEN', 'UNKNOWN_CLIENT'),
  verifier: codes('UNAUTHENTICATED'),
}
const malformed = codes('INVALID_REQUEST')
const unreadable = codes('INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')

const described: Readonly<Record<number, string>> = {
  400: 'What was sent is malformed',
  401: 'Not authenticated',
  403: 'Not allowed, or it is of another organization',
  404: 'There is no such thing',
  409: 'As things stand this cannot be done',
  412: 'It changed meanwhile',
  413: 'The body is too large',
  415: 'The body is of a type that is not understood here',
  422: 'What was sent does not fit what was sent before, or does not help',
  423: 'Administration is frozen by an incident',
  429: 'Too many requests; Retry-After says when to come again',
  500: 'An error of this server, which its log tells more of',
  502: 'What had to be fetched could not be',
  503: 'This cannot be served at the moment; Retry-After says when to come again',
}

type Described = Pick<RouteOptions, 'url' | 'method'> & {
  schema: FastifySchema
  security: readonly Requirement[]
  /** By which its hooks refuse besides. */
  more: readonly RefusalCode[]
}

/** How a route refuses: a response for each status, with the codes that it may carry. */
export function refusalResponses(route: Described): Record<string, object> {
  const { url } = route
  const name = isOAuthEndpoint(url) ? 'OAuthError' : 'Error'
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } }
  const byStatus = new Map<number, Set<string>>()
  for (const code of codesOf(route)) {
    const { status, name } = wireOf(url, code)
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(name))
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      { description: `${described[status]}: ${[...names].map((each) => `\`${each}\``).join(', ')}`, content },
    ]),
  )
}

function codesOf({ method, schema, security, more }: Described): string[] {
  const { params, querystring, headers, body, refuses = [] } = schema
  const found: string[] = [...refuses, ...more, ...codes('INTERNAL')]
  if (params ?? querystring ?? headers ?? body) found.push(...malformed)
  if (method !== 'GET' && method !== 'HEAD') found.push(...unreadable)
  if (security.length > 0) found.push(...whoever)
  for (const way of security.flatMap((each) => Object.keys(each) as (keyof Requirement)[])) found.push(...ways[way])
  return found
}
