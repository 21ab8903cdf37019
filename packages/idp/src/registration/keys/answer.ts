import type { JsonWebKey } from 'node:crypto'
import { type ClientJwk, privateMembers, thumbprintOf } from '../../credentials/key.ts'
import type { Answer } from '../../outbound/fetch.ts'
import type { ClientKeySet } from '../stored.ts'
import { usableKeys } from './usable.ts'

/** What a `jwks_uri` answered, as far as it is of use. */
export type KeysAnswer =
  | { is: 'good'; keys: ClientJwk[]; freshMs: number }
  | { is: 'bad'; why: string; leaked?: readonly string[] }

/** For how long a set is fresh at least and at most, whatever its server says: what was withdrawn must not live on for a day. */
const leastFreshMs = 60_000
const mostFreshMs = 300_000

/**
 * @param mostKeys that a client may have at once; others of the set, which are not for signatures, do not count
 * @param algorithms by which its profile lets it sign; all that are known where that is not said
 */
export function readKeysAnswer(
  { status, headers, body }: Answer,
  mostKeys: number,
  algorithms?: readonly string[],
): KeysAnswer {
  if (status !== 200) return { is: 'bad', why: `status_${status}` }
  if (!/^application\/([\w.+-]+\+)?json *(;|$)/i.test(headers['content-type'] ?? ''))
    return { is: 'bad', why: 'not_json' }
  const set = keySetIn(body)
  if (!set) return { is: 'bad', why: 'not_a_key_set' }
  const secret = set.keys.filter((jwk) => privateMembers.some((name) => name in jwk))
  if (secret.length > 0) return { is: 'bad', why: 'private_key', leaked: thumbprintsOf(secret) }
  const keys = usableKeys(set).filter(({ alg }) => !algorithms || algorithms.includes(alg))
  if (keys.length > mostKeys) return { is: 'bad', why: 'too_many_keys' }
  return { is: 'good', keys, freshMs: freshMsOf(headers['cache-control']) }
}

function keySetIn(body: Buffer): ClientKeySet | undefined {
  try {
    const { keys } = JSON.parse(body.toString())
    return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null) ? { keys } : undefined
  } catch {
    // It is not JSON, or `null`: what it is instead makes no difference.
    return undefined
  }
}

/** Anybody may have read them, and sign as the client. */
function thumbprintsOf(secret: readonly JsonWebKey[]): string[] {
  const publicOnes = secret.map((jwk) =>
    Object.fromEntries(Object.entries(jwk).filter(([name]) => !privateMembers.includes(name))),
  )
  return publicOnes.flatMap((jwk) => usableKeys({ keys: [jwk] })).map(thumbprintOf)
}

function freshMsOf(cacheControl = ''): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return leastFreshMs
  const seconds = Number(/\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1] ?? 0)
  return Math.min(Math.max(seconds * 1_000, leastFreshMs), mostFreshMs)
}
