import { DatabaseError, type DatabaseErrorCode } from '../error.ts'

// https://www.postgresql.org/docs/18/errcodes-appendix.html; a class (two characters) stands for all its members.
const bySqlState: Readonly<Record<string, [DatabaseErrorCode, string]>> = {
  '08': ['UNREACHABLE', 'The connection to PostgreSQL broke.'],
  '57P01': ['UNREACHABLE', 'PostgreSQL ended the connection: it is being stopped, or an administrator asked for it.'],
  '57P02': ['UNREACHABLE', 'PostgreSQL ended the connection because one of its processes crashed.'],
  '57P03': ['UNREACHABLE', 'PostgreSQL is starting up or shutting down.'],
  '57P05': ['UNREACHABLE', 'PostgreSQL ended the connection because it was idle for too long.'],
  '25P03': ['UNREACHABLE', 'PostgreSQL ended the connection because its transaction stood still for too long.'],
  '28': ['AUTHENTICATION_FAILED', 'PostgreSQL refused the user or the password. Check the database URL.'],
  '3D000': ['DATABASE_MISSING', 'The database named in the URL does not exist.'],
  '53100': ['DISK_FULL', 'The disk of the PostgreSQL server is full.'],
  '53300': ['TOO_MANY_CONNECTIONS', 'PostgreSQL has no connection left. Raise max_connections or lower the pool size.'],
  '42501': ['PERMISSION_DENIED', 'The database role may not do this.'],
  '25006': ['READ_ONLY', 'PostgreSQL only takes reads. Is this a replica?'],
  '23505': ['UNIQUE_VIOLATION', 'There is a row with this key already.'],
  '57014': ['TRY_AGAIN', 'PostgreSQL gave a statement up that took longer than it may.'],
  '55P03': ['TRY_AGAIN', 'Somebody else holds a lock for too long. The transaction may be tried again.'],
  '40': ['TRY_AGAIN', 'The transaction was in conflict with another one and may be tried again.'],
}

const unreachableSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

// 55000 says no more than that something is not ready for what was asked.
const notOpen = /is not currently accepting connections$/

// pg gives these errors no code, only a text.
const unreachableMessages =
  /^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Client was closed|Client has encountered a connection error)/

interface PgFailure {
  code?: unknown
  message?: unknown
  constraint?: string
  table?: string
  address?: string
  port?: number
  errors?: unknown[]
}

/**
 * Turns what `pg` and the network throw into a DatabaseError, at the edge of a unit of work. The message never holds a
 * value of a row (PostgreSQL's `detail` does: it stays in the cause). A unique violation has `facts.constraint`.
 * Anything that is not a failure of the database or the way to it, a wrong statement included, comes back as it was.
 */
export function asDatabaseError(error: unknown): unknown {
  if (error instanceof DatabaseError || typeof error !== 'object' || error === null) return error
  const failure = error as PgFailure
  // Node tries all addresses of a name and reports an AggregateError.
  if (failure.errors?.length && failure.code === undefined) return asDatabaseError(failure.errors[0])
  const code = typeof failure.code === 'string' ? failure.code : ''
  const known = bySqlState[code] ?? (code.length === 5 ? bySqlState[code.slice(0, 2)] : undefined)
  if (known) {
    const facts = { sqlState: code, constraint: failure.constraint, table: failure.table }
    return new DatabaseError(known[0], known[1], { cause: error, facts })
  }
  return isUnreachable(code, failure) ? unreachable(error, failure) : error
}

function isUnreachable(code: string, failure: PgFailure): boolean {
  if (code === '55000') return notOpen.test(String(failure.message))
  return unreachableSystemCodes.has(code) || unreachableMessages.test(String(failure.message))
}

function unreachable(cause: unknown, failure: PgFailure): DatabaseError {
  const where = failure.address ? ` at ${failure.address}:${failure.port}` : ''
  return new DatabaseError('UNREACHABLE', `PostgreSQL cannot be reached${where}: ${failure.message}`, {
    cause,
    facts: { address: failure.address, port: failure.port },
  })
}
