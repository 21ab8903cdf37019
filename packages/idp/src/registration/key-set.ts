import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import { readClientJwk, thumbprintOf } from '../credentials/key.ts'
import { IdpError, OAuthError } from '../error.ts'
import type { ClientKeySet } from './stored.ts'

/**
 * Reads the public keys that a client registers. Those without `kid` are named by their thumbprints.
 *
 * @param algorithms by which they may sign; all that are known where that is not said
 * @param held what it registered before: of those that stay the same objects are returned, and nothing is imported again
 * @returns the set with nothing in it but what makes the keys
 * @throws OAuthError `invalid_client_metadata` for a key that is none, a private one above all
 */
export function readKeySet(
  keys: readonly Readonly<Record<string, unknown>>[],
  most: number,
  algorithms?: readonly string[],
  held: ClientKeySet = { keys: [] },
): ClientKeySet {
  if (keys.length > most) throw refused(`a client has at most ${most} keys: let go of the oldest`)
  const read = keys.map(
    (jwk, index) => held.keys.find((each) => isDeepStrictEqual(each, jwk)) ?? readKey(jwk, placeOf(keys, index)),
  )
  for (const [index, { alg }] of read.entries()) {
    const isAllowed = algorithms?.includes(String(alg)) ?? true
    if (!isAllowed) throw refused(`${placeOf(keys, index)}: its profile allows keys for ${algorithms?.join(', ')}`)
  }
  if (new Set(read.map(({ kid }) => kid)).size < read.length) throw refused('two of them have the same kid')
  return { keys: read }
}

/** Which key of those that were sent; one that is named by what may stand in a message, by that. */
function placeOf(keys: readonly Readonly<Record<string, unknown>>[], index: number): string {
  const kid = keys[index]?.kid
  const name = typeof kid === 'string' && /^[\w.~:-]{1,100}$/.test(kid) ? ` (kid ${kid})` : ''
  return `key ${index + 1} of ${keys.length}${name}`
}

function readKey(jwk: Readonly<Record<string, unknown>>, place: string): ClientKeySet['keys'][number] {
  if (jwk.kty === 'oct' || 'k' in jwk) throw refused(`${place}: a shared secret must not stand here`)
  try {
    return { ...readClientJwk(jwk), use: 'sig' }
  } catch (error) {
    if (!(error instanceof IdpError)) throw error
    throw refused(`${place}: ${error.message.replace(/^jwk: /, '')}`)
  }
}

/** The names of keys and what they name, as a table for a statement. */
export function namedKeys({ keys }: ClientKeySet = { keys: [] }) {
  const named = JSON.stringify(keys.map((jwk) => ({ kid: jwk.kid, thumbprint: thumbprintOf(jwk) })))
  return sql`jsonb_to_recordset(${named}::jsonb) AS named (kid text, thumbprint text)`
}

/**
 * Takes the names of keys for a client: a part of a statement, of one row for each that is its own then. A `kid` names one key for
 * ever: whoever verifies by a set that is not the newest would otherwise take one key for the other.
 */
export function claimingKids(clientId: string, set: ClientKeySet) {
  return sql<{ kid: string }>`
    INSERT INTO client_kids AS held (client_id, kid, thumbprint)
    SELECT ${clientId}, kid, thumbprint FROM ${namedKeys(set)} ORDER BY kid
    ON CONFLICT (client_id, kid) DO UPDATE SET kid = EXCLUDED.kid WHERE held.thumbprint = EXCLUDED.thumbprint
    RETURNING kid`
}

/** @throws OAuthError `invalid_client_metadata` where one of them named another key before */
export function requireClaimed({ keys }: ClientKeySet, claimed: number): void {
  if (claimed === keys.length) return
  throw refused('a kid named another key of this client before: a new key needs a new kid')
}

function refused(why: string): OAuthError {
  return new OAuthError('invalid_client_metadata', `jwks: ${why}`)
}
