/** What comes of a Vault, as refusals of this service: the code is the same. */
import { SecretsError } from '@rekey/secrets'
import { IdpError } from '../error.ts'

/** @throws IdpError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`; whatever else the act throws passes through */
export async function asked<T>(act: Promise<T>): Promise<T> {
  try {
    return await act
  } catch (error) {
    throw refusalOf(error)
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof SecretsError)) return error
  const { code, message } = error
  return code === 'VAULT_UNAVAILABLE' || code === 'VAULT_REFUSED' ? new IdpError(code, message) : error
}

/** @throws IdpError `CONFIG_INVALID` for settings that are none */
export function configured<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof SecretsError) throw new IdpError('CONFIG_INVALID', error.message)
    throw error
  }
}
