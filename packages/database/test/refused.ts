import assert from 'node:assert/strict'
import { DatabaseError, type DatabaseErrorCode } from '../src/error.ts'

/** Waits for a promise to reject with a DatabaseError of this code, and returns that. */
export async function refused(promise: Promise<unknown>, code: DatabaseErrorCode): Promise<DatabaseError> {
  const error = await promise.then(
    () => assert.fail(`it did not fail with ${code}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof DatabaseError)) throw error
  assert.equal(error.code, code, error.message)
  return error
}
