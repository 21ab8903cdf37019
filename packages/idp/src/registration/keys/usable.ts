import { type ClientJwk, readClientJwk } from '../../credentials/key.ts'
import { IdpError } from '../../error.ts'
import type { ClientKeySet } from '../stored.ts'

/**
 * The keys of a set that its client may sign by. One that is not understood, or is for something else, does not make the others
 * unusable; of several of one name the first counts.
 */
export function usableKeys({ keys }: ClientKeySet): ClientJwk[] {
  const byKid = new Map<string, ClientJwk>()
  for (const jwk of keys) {
    const key = usable(jwk)
    if (key && !byKid.has(key.kid)) byKid.set(key.kid, key)
  }
  return [...byKid.values()]
}

function usable(jwk: ClientKeySet['keys'][number]): ClientJwk | undefined {
  try {
    return readClientJwk({ ...jwk })
  } catch (error) {
    if (error instanceof IdpError) return undefined
    throw error
  }
}
