import { z } from 'zod'
import { CliError, type CliErrorCode } from '../error.ts'

interface ServerError {
  code?: string
  message?: string
  details?: unknown
  correlation_id?: string
  incident?: string
  /** OAuth endpoints answer in RFC 6749's form. */
  error?: string
  error_description?: string
}

// Forbidden, in conflict with what is under way, frozen, too often: the server understood and a rule of the estate said no.
const refusedByRule = new Set([403, 409, 423, 429])
// An IdP without its lease, or whose database is down: it is there, but nothing can be got from it before it recovers.
const outOfService = 503
const frozen = 423

/** A server's error reply as an error for the terminal; scripts see the server's own code. */
export function refusalOf(status: number, body: string, what: string): CliError {
  const reply = parse(body)
  const code = reply.code ?? reply.error ?? `HTTP_${status}`
  const message = reply.message ?? reply.error_description ?? `the server answered ${status}`
  const facts: Record<string, unknown> = { code, status }
  if (reply.details !== undefined) facts.details = reply.details
  if (reply.incident !== undefined) facts.incident = reply.incident
  if (reply.correlation_id !== undefined) facts.correlation_id = reply.correlation_id
  const way = status === frozen && reply.incident ? `; "rekey break-glass unfreeze ${reply.incident}" ends that` : ''
  return new CliError(kindOf(status), `${what}: ${message} (${code})${way}${wrongOf(reply.details)}`, facts)
}

const invalid = z.array(z.object({ path: z.string(), message: z.string() })).nonempty()

/** What does not fit a request, member by member; details of other errors are for scripts. */
function wrongOf(details: unknown): string {
  const { data = [] } = invalid.safeParse(details)
  return data.map(({ path, message }) => `\n${path === '' ? '' : `${path}: `}${message}`).join('')
}

function kindOf(status: number): CliErrorCode {
  if (status === outOfService) return 'UNREACHABLE'
  return refusedByRule.has(status) ? 'REFUSED' : 'FAILED'
}

function parse(body: string): ServerError {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (cause) {
    // A proxy's HTML page is no reply of ours: the status alone speaks then.
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}
