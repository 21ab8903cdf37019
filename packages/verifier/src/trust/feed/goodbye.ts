import type { Clock } from '../../clock.ts'
import { VerifyError } from '../../error.ts'
import type { Issuer } from './issuer.ts'

const TIMEOUT_MS = 1_000

/**
 * Says goodbye to the first instance that takes it: they share what they know of verifiers.
 * @throws {VerifyError} `lease_refused` when none did within a second. The issuer then waits for the lease to pass, as it
 *   does for a process that died.
 */
export async function sayGoodbye(issuers: readonly Issuer[], instance: string, clock: Clock): Promise<void> {
  const timeout = new AbortController()
  const cancel = clock.after(TIMEOUT_MS, () => timeout.abort())
  let failure: unknown
  try {
    for (const issuer of issuers) {
      try {
        return await issuer.leave(instance, timeout.signal)
      } catch (cause) {
        failure = cause
      }
    }
  } finally {
    cancel()
  }
  throw new VerifyError('lease_refused', { detail: 'goodbye', cause: failure })
}
