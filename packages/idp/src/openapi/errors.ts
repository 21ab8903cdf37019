import { isOAuthEndpoint } from '../http/errors.ts'

/** How errors look on the wire: JSON Schema, as http/errors.ts writes them. */
export const errorSchemas = {
  Error: {
    type: 'object',
    required: ['code', 'message', 'correlation_id'] as string[],
    properties: {
      code: { type: 'string', description: 'Stable: programs go by it', example: 'FORBIDDEN' },
      message: { type: 'string', description: 'For people' },
      details: { description: 'Facts that belong to the code' },
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
    properties: { error: { type: 'string', example: 'invalid_client' }, error_description: { type: 'string' } },
  },
} as const

const described: Readonly<Record<string, string>> = {
  400: 'What was sent is malformed',
  401: 'Not authenticated',
  403: 'The scope is missing, or it is of another organization',
  429: 'Too many requests; Retry-After says when to come again',
  503: 'This instance cannot serve at the moment; Retry-After says when to come again',
}

/** The refusals that a route has in common with all others. */
export function refusalResponses(url: string, authenticated: boolean): Record<string, object> {
  const name = isOAuthEndpoint(url) ? 'OAuthError' : 'Error'
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } }
  const statuses = authenticated ? ['400', '401', '403', '429', '503'] : ['503']
  return Object.fromEntries(statuses.map((status) => [status, { description: described[status], content }]))
}
