import { asDatabaseError, DatabaseError } from '@rekey/database'
import { IdpError } from './error.ts'

/** For `catch` on an insert: turns a unique violation into IdpError `ALREADY_EXISTS`, and throws anything else on. */
export function orAlreadyExists(message: string) {
  return (error: unknown): never => {
    const cause = asDatabaseError(error)
    if (!(cause instanceof DatabaseError) || cause.code !== 'UNIQUE_VIOLATION') throw error
    throw new IdpError('ALREADY_EXISTS', message, { cause })
  }
}
