import { CliError } from '../../error.ts'
import type { Scopes } from '../management.ts'

/**
 * Whoever gets what a client may authenticate by can do what that client can, and so needs its management scopes; as does whoever
 * makes a token that is bound to a profile of the operator's. The server says which is lacking, and is asked by that too.
 */
export async function withLackingScopes<T>(scopes: Scopes, call: (scopes: Scopes) => Promise<T>): Promise<T> {
  try {
    return await call(scopes)
  } catch (error) {
    const lacking = scopeLackingBy(error)
    if (lacking === undefined || scopes.split(' ').includes(lacking)) throw error
    return await withLackingScopes(`${scopes} ${lacking}`, call)
  }
}

function scopeLackingBy(error: unknown): string | undefined {
  if (!(error instanceof CliError) || error.facts.code !== 'INSUFFICIENT_SCOPE') return undefined
  return (error.facts.details as { scope?: string } | undefined)?.scope
}
