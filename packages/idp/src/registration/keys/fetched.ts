import type { ClientKeySet, ClientMetadata } from '../stored.ts'

/** What a client's `jwks_uri` answered last, and when it was asked. Times are milliseconds since the epoch. */
export interface FetchedKeys {
  jwks: ClientKeySet
  at: number
  /** Until then nobody needs to look again for a key that stands in it. */
  freshUntil: number
}

/** While its `jwks_uri` does not answer, a set is believed for so long after it was asked for. */
const believedMs = 3_600_000

export function believedUntil({ at }: Pick<FetchedKeys, 'at'>): number {
  return at + believedMs
}

/** Columns of `clients` about the looks at its `jwks_uri`. */
export const fetchColumns = [
  'clients.fetch_uri',
  'clients.fetched_jwks',
  'clients.fetched_at',
  'clients.fetched_fresh_until',
] as const

export interface FetchRow {
  fetch_uri: string | null
  fetched_jwks: ClientKeySet | null
  fetched_at: number | null
  fetched_fresh_until: number | null
}

/** @returns `undefined` also where the client has another `jwks_uri` by now than was asked */
export function fetchedOf(row: FetchRow, { jwks_uri: uri }: ClientMetadata): FetchedKeys | undefined {
  const { fetch_uri: asked, fetched_jwks: jwks, fetched_at: at, fetched_fresh_until: freshUntil } = row
  if (uri === undefined || uri !== asked || !jwks || at === null || freshUntil === null) return undefined
  return { jwks, at, freshUntil }
}
