import type { RotatedKeys } from '@rekey/bff'
import { CliError } from '../error.ts'
import type { Shell } from '../shell.ts'
import { printable } from '../terminal/printable.ts'
import { asCliError } from './bootstrap.ts'

/**
 * Replaces the key in the folder of BFF_KEYS_DIR, on this machine.
 *
 * @throws CliError with the library's own code in `facts`
 */
export async function rotateKeysHere({ env, fetch }: Pick<Shell, 'env' | 'fetch'>): Promise<RotatedKeys> {
  // Loaded here alone: no other command needs it.
  const { rotateKeys } = await import('@rekey/bff')
  const { RegistrationError } = await import('@rekey/registration')
  try {
    return await rotateKeys({ ...env }, { fetch })
  } catch (error) {
    if (error instanceof RegistrationError) throw asCliError(error)
    throw error
  }
}

/** @throws CliError where the identity provider was told of a key and did not take it: that one is not used */
export function requireTold(keys: RotatedKeys): void {
  const { kid, waiting, refused } = keys
  if (refused === undefined) return
  const state =
    waiting === undefined
      ? `${kid} goes on signing`
      : `${waiting} is published and not used yet; ${kid} goes on signing`
  const message = `the identity provider at IDP_DCR_URL did not take the key set: ${refused}. ${state}`
  throw new CliError('FAILED', printable(message), { ...keys, code: 'KEYS_NOT_TAKEN' })
}

/** One line for people. */
export function summaryOf({ kid, rotated, waiting, notified }: RotatedKeys): string {
  const told = notified ? 'the identity provider has it' : 'nobody was told: set IDP_DCR_URL and DCR_ACCESS_TOKEN'
  if (waiting !== undefined)
    return `${waiting} is published, and signs once the identity provider has it; until then ${kid} does.`
  if (!rotated) return `${kid} goes on signing: it is new, or AUTO_KEY_ROTATION=0; ${told}.`
  return `${kid} signs from now on; ${told}.`
}
