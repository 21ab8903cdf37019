/** How old a reply was when it came, and what it says of its own future (RFC 9111 §4.2), in milliseconds. */
export interface Freshness {
  /** How long caches on the way have had it. */
  readonly ageMs: number
  /** For how long it may still be reused, if it says so. */
  readonly freshForMs: number | undefined
  /** For how long it should no longer have been used: a cache fell back to it because it could not reach the issuer. */
  readonly staleMs: number
}

function secondsOf(directive: string, headers: Headers): number | undefined {
  const pattern = new RegExp(`(?:^|[\\s,])${directive}="?(\\d{1,10})`, 'i')
  const seconds = pattern.exec(headers.get('cache-control') ?? '')?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

/** RFC 9111 §5.1: of several the first counts. */
function ageOf(headers: Headers): number {
  return Number(/^\d+/.exec(headers.get('age') ?? '')?.[0] ?? 0)
}

/**
 * Only a shared cache adds an age, and what binds it is s-maxage before max-age (RFC 9111 §5.2.2.10). Where neither says how
 * long a reply may be used, it is `unsaidMs`.
 */
export function freshnessOf(headers: Headers, unsaidMs: number): Freshness {
  const age = ageOf(headers)
  const maxAge = secondsOf('max-age', headers)
  const sharedMaxAge = secondsOf('s-maxage', headers) ?? maxAge ?? unsaidMs / 1_000
  return {
    ageMs: age * 1_000,
    freshForMs: maxAge === undefined ? undefined : Math.max(0, maxAge - age) * 1_000,
    staleMs: Math.max(0, age - sharedMaxAge) * 1_000,
  }
}
