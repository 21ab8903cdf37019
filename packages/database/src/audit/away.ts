import { asDatabaseError } from '../connection/translate.ts'
import { DatabaseError, type DatabaseErrorCode } from '../error.ts'

const away: ReadonlySet<DatabaseErrorCode> = new Set<DatabaseErrorCode>([
  'UNREACHABLE',
  'AUTHENTICATION_FAILED',
  'DATABASE_MISSING',
  'TOO_MANY_CONNECTIONS',
  'TRY_AGAIN',
])

/** Whether an error says nothing of the audit: the database, or the way to it, is not there for the moment. */
export function isAway(thrown: unknown): boolean {
  const error = asDatabaseError(thrown)
  return error instanceof DatabaseError && away.has(error.code)
}
