import { CliError } from '../error.ts'

// The token endpoint's word for a scope that a client may not have, and the management API's.
const notAllowed: ReadonlySet<unknown> = new Set(['invalid_scope', 'INSUFFICIENT_SCOPE'])

/** What an IdP of an earlier release has not got yet is not shown; undefined then. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof CliError && error.facts.status === 404) return undefined
    throw error
  }
}

/** The same for what this client has no scope to read: whoever may see the keyrings may see them without the rest. */
export async function ifAllowed<T>(reading: Promise<T>, onRefused: () => void): Promise<T | undefined> {
  try {
    return await ifThere(reading)
  } catch (error) {
    if (!(error instanceof CliError) || !notAllowed.has(error.facts.code)) throw error
    onRefused()
    return undefined
  }
}
